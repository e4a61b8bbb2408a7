//! Gives each name its colour: the same one in every session, on every screen.

use std::env;

/// Colours of the palette of 256 that can be read on black and on white.
const PALETTE: [u8; 12] = [31, 37, 64, 71, 97, 131, 133, 136, 161, 166, 172, 69];

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    On,
    Off,
}

impl Colours {
    /// Asks the environment: `NO_COLOR`, set to anything, means none.
    pub fn wanted() -> Colours {
        match env::var_os("NO_COLOR") {
            Some(text) if !text.is_empty() => Colours::Off,
            _ => Colours::On,
        }
    }

    /// Returns `name`, which must be harmless, in its colour.
    pub fn name(self, name: &str) -> String {
        let colour = PALETTE[hash(name) as usize % PALETTE.len()];
        self.dress(&format!("1;38;5;{colour}"), name)
    }

    /// Returns `text`, which must be harmless, paler than the rest.
    pub fn pale(self, text: &str) -> String {
        self.dress("2", text)
    }

    fn dress(self, code: &str, text: &str) -> String {
        match self {
            Colours::On => format!("\x1b[{code}m{text}\x1b[0m"),
            Colours::Off => text.to_owned(),
        }
    }
}

/// FNV-1a: it stays the same from one build to the next, which the standard
/// library's hashes do not promise.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
