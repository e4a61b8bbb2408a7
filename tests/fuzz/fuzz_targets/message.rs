//! The properties of chapter 17 on whatever finds a new way through the code.
#![no_main]

use chatroom::chat::message;
use libfuzzer_sys::arbitrary::{self, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../fixtures/message_property.rs"]
mod property;

fuzz_target!(|bytes: &[u8]| {
    // As they are, so that the fuzzer sees what each byte does.
    property::a_message_or_an_answer(bytes);
    for holds in [property::anything_said, property::any_body] {
        // An error says only that there were too few bytes to make a case of.
        let _ = holds(&mut Unstructured::new(bytes));
    }
});
