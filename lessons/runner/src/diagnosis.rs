//! What a set of failing tests usually means: each planted bug knows exactly
//! which tests it fails.

use crate::course::Chapter;
use std::collections::BTreeSet;

/// More matches than this say too little to be said.
const MOST: usize = 2;

/// The questions of the bugs that fail just these tests, of those that were
/// run: the tests of the steps up to `step`, without the learner's own.
pub fn questions<'a>(chapter: &'a Chapter, step: usize, failing: &[String]) -> Vec<&'a str> {
    let was_run = |test: &&str| !own(test) && chapter.step_of(test).is_some_and(|of| of <= step);
    let failing: BTreeSet<&str> = failing.iter().map(String::as_str).filter(was_run).collect();
    let alike = chapter.bugs.iter().filter(|bug| {
        let caught_by = bug.caught_by.iter().map(String::as_str);
        !failing.is_empty() && caught_by.filter(was_run).collect::<BTreeSet<_>>() == failing
    });
    let questions: Vec<&str> = alike.map(|bug| bug.tell.as_str()).collect();
    match questions.len() {
        0..=MOST => questions,
        _ => Vec::new(),
    }
}

fn own(test: &str) -> bool {
    test.starts_with("your_tests::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter() -> Chapter {
        let text = r#"
            title = "t"
            module = "m"
            minutes = 1
            step = [
                { id = "step_1", title = "", red = "", hints = [], refactor = "" },
                { id = "step_2", title = "", red = "", hints = [], refactor = "" },
            ]
            bug = [
                { id = "a", title = "", find = "", replace = "", tell = "one?", caught_by = ["step_1::x", "your_tests::y"] },
                { id = "b", title = "", find = "", replace = "", tell = "two?", caught_by = ["step_1::x", "step_2::z"] },
            ]
        "#;
        toml::from_str(text).unwrap()
    }

    fn ask(step: usize, failing: &[&str]) -> Vec<String> {
        let failing: Vec<String> = failing.iter().map(|test| test.to_string()).collect();
        let chapter = chapter();
        let asked = questions(&chapter, step, &failing);
        asked.into_iter().map(String::from).collect()
    }

    #[test]
    fn the_same_set_is_told() {
        assert_eq!(ask(1, &["step_1::x", "step_2::z"]), ["two?"]);
        assert_eq!(ask(1, &["step_1::x"]), ["one?"]);
    }

    #[test]
    fn another_set_is_not_told() {
        assert_eq!(ask(1, &["step_2::z"]), Vec::<String>::new());
        assert_eq!(ask(1, &[]), Vec::<String>::new());
    }

    #[test]
    fn tests_that_were_not_run_do_not_count() {
        assert_eq!(ask(0, &["step_1::x"]), ["one?", "two?"]);
    }
}
