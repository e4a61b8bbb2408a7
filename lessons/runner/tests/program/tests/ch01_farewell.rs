#[macro_use]
mod fixtures;
subject!(text::farewell = "../my/text/farewell.rs",
    tests = "../my/tests/farewell.rs" or "../lessons/01-farewell/answer_tests.rs");

mod step_1 {
    #[test]
    fn bob_may_leave() {
        assert_eq!(super::farewell::farewell("bob"), "bye bob");
    }

    #[test]
    fn ann_may_leave() {
        assert_eq!(super::farewell::farewell("ann"), "bye ann");
    }
}
