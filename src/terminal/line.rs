//! Draws a message as one line of a terminal: local time, name, text.

use crate::chat::message::{Message, When, when};
use crate::chat::server::SERVER;
use crate::logging::harmless;
use crate::terminal::colour::Colours;
use chrono::{DateTime, Datelike, TimeZone};

/// Returns the line for `message`, without its end. `now` tells the zone, and
/// which day is today.
///
/// What the room itself says, and that somebody has joined, is paler than what
/// people say.
pub fn line<Z: TimeZone>(message: &Message, colours: Colours, now: &DateTime<Z>) -> String {
    let time = colours.pale(&clock(&message.time, now));
    let (name, text) = (harmless(&message.name), harmless(&message.msg));
    if message.name == SERVER {
        return format!("{time} {}", colours.pale(&format!("— {text}")));
    }
    let name = colours.name(&name);
    match message.hello {
        true => format!(
            "{time} {}{name}{}",
            colours.pale("— "),
            colours.pale(" joined")
        ),
        false => format!("{time} {name}: {text}"),
    }
}

/// The time of a message on the clock of this place: hours and minutes, with
/// the day in front where that is another one.
fn clock<Z: TimeZone>(text: &str, now: &DateTime<Z>) -> String {
    let today = now.naive_local().date();
    let time = match when(text) {
        Some(When::Moment(moment)) => moment.with_timezone(&now.timezone()).naive_local(),
        Some(When::Clock(time)) => time,
        Some(When::Day(day)) if day == today => return "  :  ".to_owned(),
        Some(When::Day(day)) => return day.format("%Y-%m-%d").to_string(),
        None => return "  :  ".to_owned(),
    };
    match time.date() == today {
        true => time.format("%H:%M").to_string(),
        false if time.year() == today.year() => time.format("%m-%d %H:%M").to_string(),
        false => time.format("%Y-%m-%d %H:%M").to_string(),
    }
}
