#![cfg(feature = "loud")]
#[macro_use]
mod fixtures;
subject!(words = "../my/words.rs",
    tests = "../my/tests/words.rs" or "../lessons/00-words/answer_tests.rs");

mod step_1 {
    use super::*;

    #[test]
    fn right() {
        assert_eq!(words::right(), 42);
    }
    #[test]
    fn not_written() {
        assert_eq!(words::not_written(), 42);
    }
    #[test]
    fn wrong() {
        fixtures::draw_a_timeline();
        assert_eq!(words::wrong(), 42, "the answer");
    }
    #[test]
    fn unwraps() {
        assert_eq!(words::unwraps(), 42);
    }
    #[test]
    fn fixture() {
        if words::wrong() != 42 {
            fixtures::trouble_of_its_own();
        }
    }
    #[test]
    fn hangs() {
        assert_eq!(words::hangs(), 42);
    }
    #[test]
    fn floods() {
        assert_eq!(words::floods(), 42);
    }
    #[test]
    fn aborts() {
        assert_eq!(words::aborts(), 42);
    }
    #[test]
    fn overflows() {
        assert_eq!(words::overflows(), 42);
    }
    #[test]
    fn leaves_the_program() {
        assert_eq!(words::leaves_the_program(), 42);
    }
    #[test]
    fn panics_in_a_thread() {
        assert_eq!(words::panics_in_a_thread(), 42);
    }
    #[cfg(unix)]
    #[test]
    fn leaves_a_process() {
        assert_eq!(words::leaves_a_process(), 42);
    }
}
