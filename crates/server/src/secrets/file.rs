//! A secret in a file, as Kubernetes, Docker and systemd put it there, and put another in its place.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use super::Unreadable;

/// Larger than any secret; nobody reads a device without end.
const MOST_BYTES: u64 = 64 * 1024;

/// All it holds but an editor's last line end.
pub(super) fn read(path: &Path) -> Result<SecretString, Unreadable> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    let text = text.trim_end_matches(['\r', '\n']);
    match read {
        Err(error) => {
            Err(Unreadable::new(format!("cannot be read: {error}"), "see that the file is there and may be read"))
        }
        Ok(length) if length as u64 > MOST_BYTES => {
            Err(Unreadable::new(format!("is larger than {MOST_BYTES} bytes"), "name the secret's own file"))
        }
        Ok(_) if text.is_empty() => Err(Unreadable::new("is empty", "write the secret into the file")),
        Ok(_) => Ok(text.into()),
    }
}
