#[test]
fn right_is_right() {
    assert_eq!(crate::words::wrong(), 42);
}
