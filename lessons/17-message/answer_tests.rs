// The answer key's tests in the place of the learner's.

use crate::message::Message;

/// What alice said in `body`.
#[track_caller]
fn said_in(body: &str) -> String {
    let message = Message::from_json(body.as_bytes());
    message.expect("this is a message").msg
}

#[test]
fn the_blanks_around_a_text_are_part_of_it() {
    let body = r#"{"name":"alice","msg":"  return 0;\n","time":"2024-2-24"}"#;
    assert_eq!(
        said_in(body),
        "  return 0;\n",
        "somebody sent a line of code"
    );
}

#[test]
fn an_empty_text_is_a_text() {
    let body = r#"{"name":"alice","msg":"","time":"2024-2-24"}"#;
    assert_eq!(said_in(body), "", "to say nothing is allowed");
}
