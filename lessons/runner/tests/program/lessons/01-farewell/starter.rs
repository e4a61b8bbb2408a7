pub fn farewell(_name: &str) -> String {
    todo!("farewell")
}
