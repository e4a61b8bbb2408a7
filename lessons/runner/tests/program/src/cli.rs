use crate::text::farewell::farewell;
use crate::text::greeting::greeting;
use std::process::ExitCode;

pub fn run() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = match words[..] {
        ["greet", name] => greeting(name),
        ["leave", name] => farewell(name),
        _ => return ExitCode::from(2),
    };
    println!("{text}");
    ExitCode::SUCCESS
}
