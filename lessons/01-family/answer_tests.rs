// The answer key's tests in the place of the learner's.

use crate::family::{Family, Kind, Repr, socket};

#[cfg(unix)]
#[test]
fn every_socket_is_described_as_what_was_asked_for() {
    for family in [Family::Inet, Family::Unix] {
        for kind in [Kind::Stream, Kind::Dgram] {
            let one = socket(family, kind).unwrap();
            let text = format!("{:?}", Repr(&one));
            let awaited = format!("family={family:?}, type={kind:?}");
            assert!(text.contains(&awaited), "{text} lacks {awaited}");
        }
    }
}
