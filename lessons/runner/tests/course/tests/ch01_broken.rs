#[macro_use]
mod fixtures;
subject!(broken = "../my/broken.rs",
    tests = "../my/tests/broken.rs" or "../lessons/01-broken/answer_tests.rs");

mod step_1 {
    #[test]
    fn a_number() {
        assert_eq!(super::broken::number(), 42);
    }
}
