//! The properties of chapter 16 on whatever finds a new way through the code.
#![no_main]

use chatroom::chat::frame;
use libfuzzer_sys::arbitrary::{self, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../fixtures/frame_property.rs"]
mod property;

fuzz_target!(|bytes: &[u8]| {
    for holds in [property::any_cuts, property::any_bytes] {
        // An error says only that there were too few bytes to make a case of.
        let _ = holds(&mut Unstructured::new(bytes));
    }
});
