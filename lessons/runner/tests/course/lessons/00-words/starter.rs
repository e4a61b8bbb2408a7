use std::process::{Command, Stdio};

pub fn right() -> u32 {
    42
}
pub fn not_written() -> u32 {
    todo!("think first")
}
pub fn wrong() -> u32 {
    41
}
pub fn unwraps() -> u32 {
    "forty-two".parse().unwrap()
}
pub fn hangs() -> u32 {
    loop {
        std::thread::park();
    }
}
pub fn floods() -> u32 {
    loop {
        println!("and on and on");
    }
}
pub fn aborts() -> u32 {
    std::process::abort()
}
pub fn overflows() -> u32 {
    #[allow(unconditional_recursion)]
    fn deeper(level: &[u64; 512]) -> u64 {
        let mut next = *level;
        next[0] += 1;
        deeper(&next) + std::hint::black_box(&next)[0]
    }
    deeper(&[0; 512]) as u32
}
pub fn leaves_the_program() -> u32 {
    std::process::exit(0)
}
pub fn panics_in_a_thread() -> u32 {
    std::thread::spawn(|| -> u32 { panic!("the thread's own trouble") })
        .join()
        .unwrap_or(0)
}
pub fn leaves_a_process() -> u32 {
    Command::new("sleep")
        .arg("86399")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    42
}
