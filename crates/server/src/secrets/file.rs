//! A secret in a file, as Kubernetes, Docker and systemd put it there, and put another in its place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Unreadable;

/// Larger than any secret; nobody reads a device without end.
const MOST_BYTES: u64 = 64 * 1024;
/// A disk, or what is mounted as one, may take its time, but not for ever.
const LONGEST: Duration = Duration::from_secs(5);

/// Files that are read without waiting for them. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Files(Arc<Mutex<BTreeMap<PathBuf, Turn>>>);

/// Whoever has it reads the file. What hangs keeps it, so that no second thread hangs beside the first.
type Turn = Arc<tokio::sync::Mutex<()>>;

impl Files {
    /// Reads one.
    pub(super) async fn read(&self, path: PathBuf) -> Result<SecretString, Unreadable> {
        self.read_by(read, path, LONGEST).await
    }

    async fn read_by(
        &self,
        read: impl FnOnce(&Path) -> Result<SecretString, Unreadable> + Send + 'static,
        path: PathBuf,
        longest: Duration,
    ) -> Result<SecretString, Unreadable> {
        let turn = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default());
        let reading = async {
            let turn = turn.lock_owned().await;
            let (tell, told) = oneshot::channel();
            // A thread that cannot be made tells nothing either.
            let _ = thread::Builder::new().name("secret-file".to_owned()).spawn(move || {
                let _turn = turn;
                let _ = tell.send(read(&path));
            });
            told.await.unwrap_or_else(|_| Err(Unreadable::new("was not read", "try again, or report this")))
        };
        let late = || Unreadable::new("cannot be read: it does not answer in time", "see to what is mounted there");
        timeout(longest, reading).await.unwrap_or_else(|_| Err(late()))
    }
}

/// All it holds but an editor's last line end. Blocks.
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

    use std::sync::mpsc;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_all_of_its_file_but_the_last_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), " hush \r\n").unwrap();
        assert_eq!(read(file.path()).unwrap().expose_secret(), " hush ");
    }

    #[tokio::test]
    async fn a_file_that_hangs_is_unreadable_and_waited_for_by_one_thread_alone() {
        let (files, path) = (Files::default(), Path::new("/mounted/secret").to_owned());
        let (answer, answers) = mpsc::channel::<()>();
        let hang = move |_: &Path| answers.recv().map(|()| "hush".into()).map_err(|_| Unreadable::new("", ""));
        let late = files.read_by(hang, path.clone(), Duration::from_millis(10)).await;
        assert_eq!(late.unwrap_err().what, "cannot be read: it does not answer in time");
        let second = files.read_by(|_| Ok("a second thread".into()), path.clone(), Duration::from_millis(10)).await;
        second.unwrap_err();
        let other = files.read_by(|_| Ok("another".into()), "/elsewhere".into(), LONGEST).await;
        assert_eq!(other.unwrap().expose_secret(), "another");
        answer.send(()).unwrap();
        let read = files.read_by(|_| Ok("there again".into()), path, LONGEST).await;
        assert_eq!(read.unwrap().expose_secret(), "there again");
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
