// Your own tests for chapter 11. What they must catch stands in the chapter's
// last step.

use crate::logging::harmless;

#[test]
fn a_command_of_eight_bits_is_shown_and_not_obeyed() {
    // 1. U+009B is to some terminals what ESC and [ are together: `\u{9b}2J`
    //    clears their screen.
    // 2. What must `harmless` make of it?
    todo!("your first test of harmless")
}

#[test]
fn a_name_is_read_as_it_was_written() {
    // 1. Take a name with no ASCII in it.
    // 2. What must `harmless` make of it?
    todo!("your second test of harmless")
}
