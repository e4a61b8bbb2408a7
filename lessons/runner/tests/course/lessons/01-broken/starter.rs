pub fn number() -> u32 {
    "42"
}
