#![cfg(feature = "cli")]

#[macro_use]
mod fixtures;
subject!(cli = "../my/cli.rs",
    tests = "../my/tests/cli.rs" or "../lessons/02-command/answer_tests.rs");

const PROGRAM: &str = env!("CARGO_BIN_EXE_greeter");

mod step_1 {
    use super::*;

    #[test]
    fn the_program_greets() {
        assert_eq!(fixtures::said(PROGRAM, &["greet", "bob"]), "hello bob\n");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn the_program_takes_leave() {
        assert_eq!(fixtures::printed(PROGRAM, &["leave", "bob"]), "bye bob\n");
    }
}
