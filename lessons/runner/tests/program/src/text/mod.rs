pub mod farewell;
pub mod greeting;
