//! `lesson answer`: the learner's file beside the answer key.

use crate::course::{Chapter, Course};
use crate::journal::Journal;
use crate::lesson::named_or_here;
use crate::mine;
use crate::stage::read;
use crate::trouble::{Result, Trouble};
use console::style;
use similar::{ChangeTag, TextDiff};
use std::io::IsTerminal;

pub fn answer(course: &Course, wish: Option<&str>, yes: bool) -> Result<u8> {
    let chapter = named_or_here(course, wish)?;
    let green = Journal::read(course).done(chapter) == chapter.steps.len();
    if !green && !yes && !agreed(chapter)? {
        say!("Good. `cargo lesson hint` is the smaller step.");
        return Ok(0);
    }
    say!("{}", difference(course, chapter)?);
    Ok(0)
}

fn agreed(chapter: &Chapter) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(format!(
            "chapter {} is not green yet; `cargo lesson answer {} --yes` shows the answer all the same",
            chapter.folder,
            chapter.number()
        )));
    }
    print!(
        "Chapter {} is not green yet. See the answer all the same? [y/N] ",
        chapter.folder
    );
    std::io::Write::flush(&mut std::io::stdout()).ok();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok();
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

/// What is only the learner's, with `-`, and what is only the answer key's, with `+`.
pub fn difference(course: &Course, chapter: &Chapter) -> Result<String> {
    let mine = mine::read(course, chapter, &chapter.mine())?;
    // Neither a byte order mark nor a carriage return is a difference to see.
    let mine = mine.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let key = read(&course.root.join(chapter.answer()))?;
    let (mine_name, key_name) = (
        course.short(&chapter.mine()),
        course.short(&chapter.answer()),
    );
    let mut text = format!(
        "{}\n{}\n",
        style(format!("- {mine_name} (yours)")).red(),
        style(format!("+ {key_name} (answer key)")).green()
    );
    let diff = TextDiff::from_lines(mine.as_str(), key.as_str());
    for group in diff.grouped_ops(3) {
        text.push_str(&style("  ···\n").dim().to_string());
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => style(format!("- {line}")).red(),
                ChangeTag::Insert => style(format!("+ {line}")).green(),
                ChangeTag::Equal => style(format!("  {line}")).dim(),
            };
            text.push_str(&format!("{line}\n"));
        }
    }
    if mine == key {
        text.push_str("The two are the same, to the letter.\n");
    }
    Ok(text)
}
