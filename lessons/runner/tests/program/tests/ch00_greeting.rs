#[macro_use]
mod fixtures;
subject!(text::greeting = "../my/text/greeting.rs",
    tests = "../my/tests/greeting.rs" or "../lessons/00-greeting/answer_tests.rs");

mod step_1 {
    #[test]
    fn bob_is_greeted() {
        assert_eq!(super::greeting::greeting("bob"), "hello bob");
    }
}
