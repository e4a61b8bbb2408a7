pub fn greeting(_name: &str) -> String {
    todo!("greeting")
}
