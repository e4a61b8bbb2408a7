use crate::text::greeting::greeting;

pub fn farewell(name: &str) -> String {
    greeting(name).replacen("hello", "bye", 1)
}
