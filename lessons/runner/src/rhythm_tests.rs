use super::*;

fn chapter() -> Chapter {
    let step = |number: u32| {
        format!(
            "[[step]]\nid = \"step_{number}\"\ntitle = \"T{number}\"\nred = \"\"\nhints = []\nrefactor = \"\"\n"
        )
    };
    let text = format!(
        "title = \"bind\"\nmodule = \"bind\"\nminutes = 1\n{}{}{}",
        step(1),
        step(2),
        step(3)
    );
    let chapter: Chapter = toml::from_str(&text).unwrap();
    Chapter {
        folder: "02-bind".into(),
        ..chapter
    }
}

/// An entry some seconds after the first.
fn entry(seconds: u64, step: &str, event: Event) -> (SystemTime, Entry) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds);
    (time, Entry::new("bind", step, event))
}

/// A run; where it is red, a test of that very step is.
fn run(seconds: u64, step: &str, verdict: &str, code: &str) -> (SystemTime, Entry) {
    let (time, mut entry) = entry(seconds, step, Event::Run);
    entry.verdict = verdict.into();
    entry.code = code.into();
    if verdict.starts_with("red") {
        entry.test = format!("{step}::a_claim");
    }
    (time, entry)
}

fn first(entries: &[(SystemTime, Entry)]) -> Turn {
    reckon(&chapter(), entries).steps.remove(0)
}

const RED: &str = "red, wrong answer";

#[test]
fn a_colour_lasts_until_the_next_entry() {
    let turn = first(&[
        run(0, "step_1", RED, "a"),
        run(60, "step_1", RED, "b"),
        entry(90, "step_1", Event::Hint),
        run(100, "step_1", "green", "c"),
        entry(107, "step_1", Event::Done),
        run(500, "step_2", RED, "c"),
    ]);
    assert_eq!(turn.marks, [Mark::Red, Mark::Red, Mark::Green]);
    assert_eq!((turn.red_seconds, turn.green_seconds), (100, 7));
    assert_eq!((turn.runs, turn.hints), (3, 1));
}

#[test]
fn green_after_green_is_tidied_only_with_other_code() {
    let turn = first(&[
        run(0, "step_1", RED, "a"),
        run(1, "step_1", "green", "b"),
        run(2, "step_1", "green", "c"),
    ]);
    assert_eq!(turn.marks, [Mark::Red, Mark::Green, Mark::Tidied]);
    let old = first(&[
        run(0, "step_1", "green", ""),
        run(1, "step_1", "green", ""),
        run(2, "step_1", "green", "c"),
    ]);
    assert_eq!(
        old.marks,
        [Mark::Green; 3],
        "an old journal does not say whether the code changed"
    );
}

#[test]
fn looking_again_is_no_run_even_after_a_hint() {
    let turn = first(&[
        run(0, "step_1", RED, "a"),
        entry(1, "step_1", Event::Hint),
        run(2, "step_1", RED, "a"),
    ]);
    assert_eq!(turn.marks, [Mark::Red]);
    assert_eq!((turn.runs, turn.red_seconds), (1, 2));
}

#[test]
fn half_an_hour_is_work_and_a_second_more_is_a_pause() {
    let entries = [
        run(0, "step_1", RED, "a"),
        run(1800, "step_1", RED, "b"),
        run(3601, "step_1", "green", "c"),
    ];
    let rhythm = reckon(&chapter(), &entries);
    assert_eq!(rhythm.steps[0].red_seconds, 1800);
    assert_eq!(rhythm.pauses, 1);
}

#[test]
fn a_clock_that_was_put_back_takes_no_time_away() {
    let turn = first(&[
        run(3600, "step_1", RED, "a"),
        entry(0, "step_1", Event::Hint),
        run(5, "step_1", "green", "c"),
    ]);
    assert_eq!(turn.red_seconds, 5);
}

#[test]
fn work_in_another_chapter_is_not_counted_here() {
    let mut away = entry(10, "", Event::Start);
    away.1.chapter = "recv".into();
    let turn = first(&[
        run(0, "step_1", RED, "a"),
        away,
        run(500, "step_1", RED, "b"),
    ]);
    assert_eq!(turn.red_seconds, 10);
}

#[test]
fn code_that_does_not_compile_is_no_red_test() {
    let turn = first(&[
        run(0, "step_1", "does not compile", "a"),
        run(9, "step_1", "green", "b"),
    ]);
    assert_eq!(turn.marks, [Mark::Broken, Mark::Green]);
    assert_eq!(turn.red_seconds, 9);
    assert!(turn.is_doubtful());
}

#[test]
fn a_step_is_seen_red_by_its_own_test_at_whatever_step_we_are() {
    let mut broke = run(2, "step_2", RED, "b");
    broke.1.test = "step_1::a_claim".into();
    let entries = [
        run(0, "step_1", "green", "a"),
        entry(1, "step_1", Event::Done),
        broke,
        run(3, "step_2", "green", "a"),
    ];
    let before = reckon(&chapter(), &entries[..2]);
    assert!(before.steps[0].is_doubtful());
    let rhythm = reckon(&chapter(), &entries);
    assert!(!rhythm.steps[0].is_doubtful(), "it was broken once");
    assert!(rhythm.steps[1].is_doubtful(), "what was red was step 1's");
}

#[test]
fn all_tests_that_failed_were_seen_red_not_only_the_first() {
    let mut both = run(0, "step_2", RED, "a");
    both.1.test = "step_1::a_claim".into();
    both.1.failing = vec!["step_1::a_claim".into(), "step_2::a_claim".into()];
    let rhythm = reckon(&chapter(), &[both, run(1, "step_2", "green", "b")]);
    assert!(!rhythm.steps[0].is_doubtful());
}

#[test]
fn a_skipped_refactoring_is_remembered_and_ends_the_work() {
    let turn = first(&[
        run(0, "step_1", RED, "a"),
        run(1, "step_1", "green", "b"),
        entry(3, "step_1", Event::Skip),
        run(9, "step_2", RED, "b"),
    ]);
    assert_eq!(turn.marks, [Mark::Red, Mark::Green, Mark::Skipped]);
    assert_eq!((turn.runs, turn.green_seconds), (2, 2));
}

#[test]
fn after_a_reset_green_is_green_again() {
    let turn = first(&[
        run(0, "step_1", "green", "a"),
        entry(10, "", Event::Reset),
        run(20, "step_1", "green", "b"),
    ]);
    assert_eq!(turn.marks, [Mark::Green, Mark::Anew, Mark::Green]);
    assert_eq!((turn.runs, turn.green_seconds), (2, 10));
}

#[test]
fn a_step_that_nobody_came_to_is_not_told() {
    let entries = [run(0, "step_2", RED, "a"), run(1, "step_9", RED, "a")];
    let rhythm = reckon(&chapter(), &entries);
    let steps: Vec<usize> = rhythm.steps.iter().map(|turn| turn.number).collect();
    assert_eq!(steps, [2]);
}
