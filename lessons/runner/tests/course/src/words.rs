pub fn right() -> u32 {
    42
}
pub fn not_written() -> u32 {
    42
}
pub fn wrong() -> u32 {
    42
}
pub fn unwraps() -> u32 {
    42
}
pub fn hangs() -> u32 {
    42
}
pub fn floods() -> u32 {
    42
}
pub fn aborts() -> u32 {
    42
}
pub fn overflows() -> u32 {
    42
}
pub fn leaves_the_program() -> u32 {
    42
}
pub fn panics_in_a_thread() -> u32 {
    42
}
pub fn leaves_a_process() -> u32 {
    42
}
