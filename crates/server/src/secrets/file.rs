//! A secret in a file, as Kubernetes, Docker and systemd put it there, and put another in its place. Blocks while it reads.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use super::Unreadable;

/// Larger than any secret; nobody reads a device without end.
const MOST_BYTES: u64 = 64 * 1024;

/// All it holds but an editor's last line end.
pub(super) fn read(path: &Path) -> Result<SecretString, Unreadable> {
    // Whoever opens a pipe waits for somebody who writes into it.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Unreadable::new("is no regular file", "name the secret's own file"));
    }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_all_of_its_file_but_the_last_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), " hush \r\n").unwrap();
        assert_eq!(read(file.path()).unwrap().expose_secret(), " hush ");
    }

    #[test]
    fn what_is_no_file_with_a_secret_is_told_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| read(path).unwrap_err().what;
        assert_eq!(told(folder.path()), "is no regular file");
        assert_eq!(told(Path::new("/dev/zero")), "is no regular file");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(told(&pipe), "is no regular file");
        assert!(told(&folder.path().join("none")).starts_with("cannot be read"));
        let file = folder.path().join("file");
        fs::write(&file, "\n").unwrap();
        assert_eq!(told(&file), "is empty");
    }
}
