#[test]
fn a_name_is_kept() {
    let said = crate::fixtures::said(crate::PROGRAM, &["greet", "Zoë"]);
    assert_eq!(said, "hello Zoë\n");
}
