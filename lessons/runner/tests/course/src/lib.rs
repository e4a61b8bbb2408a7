pub mod broken;
pub mod words;
