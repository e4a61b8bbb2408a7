//! What went wrong with the run itself, in one sentence that says what to do.

use std::fmt;
use std::io;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Trouble>;

/// An error for a person. Its number is the exit code.
#[derive(Debug)]
pub struct Trouble {
    pub sentence: String,
    pub code: u8,
}

impl Trouble {
    /// The command was used in a way that it does not have.
    pub fn usage(sentence: String) -> Trouble {
        Trouble { sentence, code: 2 }
    }

    /// The course itself is at fault, or what it needs is not there.
    pub fn course(sentence: String) -> Trouble {
        Trouble { sentence, code: 3 }
    }

    pub fn file(doing: &str, path: &Path, error: io::Error) -> Trouble {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => {
                "; free some space and run this again, nothing of yours was changed"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "; see whose it is (`ls -l`) and allow it to be read and written"
            }
            io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => "; move it aside and run this again",
            _ => "",
        };
        Trouble::course(format!(
            "cannot {doing} {}: {error}{advice}",
            path.display()
        ))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
