// The answer key's tests in the place of the learner's.

use crate::logging::harmless;

#[test]
fn a_command_of_eight_bits_is_shown_and_not_obeyed() {
    assert_eq!(harmless("\u{9b}2J"), r"\u{9b}2J");
}

#[test]
fn a_name_is_read_as_it_was_written() {
    assert_eq!(harmless("张三"), "张三");
}
