#[test]
fn mine_is_not_written() {
    todo!("your test")
}
