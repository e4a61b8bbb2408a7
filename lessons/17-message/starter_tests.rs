// Your own tests for chapter 17. What they must catch stands in the chapter's
// last step.

use crate::message::Message;

#[test]
fn the_blanks_around_a_text_are_part_of_it() {
    // 1. A body in which the text has blanks at both ends:
    let body = r#"{"name":"alice","msg":"  return 0;\n","time":"2024-2-24"}"#;
    // 2. Read it.
    let message = Message::from_json(body.as_bytes());
    // 3. Say what its `msg` has to be, to the last blank.
    todo!("{message:?}: is this what was said?")
}

// A text may also be empty. Write that test here, all of it: `#[test]`, a name
// that is a claim, the call, and what you expect.
