//! The medians of all rounds, as a table.

use crate::rooms::Kind;
use crate::{Figures, Talk};
use std::cmp::Ordering;
use std::fmt::Write;
use std::time::Duration;

/// The median of each figure over the rounds.
pub fn median(all: &[Figures], kind: Kind, clients: usize) -> Option<Figures> {
    let these = || {
        all.iter()
            .filter(|it| it.kind == kind && it.clients == clients)
    };
    let talks: Vec<&Talk> = these()
        .filter_map(|figures| figures.talk.as_ref())
        .collect();
    Some(Figures {
        kind,
        clients,
        deliveries: middle(these().map(|figures| figures.deliveries))?,
        talk: (|| {
            Some(Talk {
                p50: middle(talks.iter().map(|talk| talk.p50))?,
                p99: middle(talks.iter().map(|talk| talk.p99))?,
                asleep: middle(talks.iter().map(|talk| talk.asleep))?,
                memory: middle(talks.iter().map(|talk| talk.memory))?,
                threads: middle(talks.iter().map(|talk| talk.threads))?,
            })
        })(),
    })
}

fn middle<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    values.get(values.len() / 2).copied()
}

/// A table in Markdown, as it can stand in a README; with a row for each kind
/// that was not tried with so many clients.
pub fn table(medians: &[Figures], left_out: &[(usize, Kind)]) -> String {
    let mut text = String::from(
        "| clients | room | deliveries/s | times Python's | p50 | p99 | p99, one asleep | KiB a client | threads |\n\
         |--:|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for figures in medians {
        let Figures {
            kind,
            clients,
            deliveries,
            talk,
        } = figures;
        let python = (medians.iter())
            .find(|other| other.kind == Kind::Python && other.clients == *clients)
            .map_or_else(String::new, |python| {
                format!("{:.1}", deliveries / python.deliveries)
            });
        let _ = write!(
            text,
            "| {clients} | {} | {deliveries:.0} | {python} |",
            kind.name()
        );
        let _ = match talk {
            None => writeln!(text, " | | | | |"),
            Some(talk) => writeln!(
                text,
                " {} | {} | {} | {:.2} | {} |",
                milliseconds(talk.p50),
                milliseconds(talk.p99),
                milliseconds(talk.asleep),
                talk.memory,
                talk.threads
            ),
        };
    }
    for (clients, kind) in left_out {
        let (name, why) = (kind.name(), kind.why_not_more());
        let _ = writeln!(
            text,
            "| {clients} | {name} | not tried: {why} | | | | | | |"
        );
    }
    text
}

fn milliseconds(time: Duration) -> String {
    match time {
        Duration::MAX => "never heard".to_string(),
        time => format!("{:.2} ms", time.as_secs_f64() * 1e3),
    }
}
