#[test]
fn mine() {
    todo!("your test")
}
