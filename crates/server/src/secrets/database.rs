//! Name and password of the database, where one of them is kept elsewhere: what the store asks for when it opens, and
//! again when the database refuses what it got.
//!
//! A rotation makes a new password first (AWSPENDING), tells it to the database next, and lets it count last
//! (AWSCURRENT). Between the last two steps the database takes only the pending one. So the one that counts is tried
//! first, and the pending one after it. Where name and password are kept in two secrets, one of them may have no pending
//! version: what counts goes with the other's.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::clock::SystemClock;
use doorward_store::{CredentialError, CredentialSource, Credentials};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::live::same;
use super::pace::Pace;
use super::reader::{Reader, Snapshot};
use super::{Reference, Stage, Vault};

/// Where the address, the name or the password come from.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// From the setting itself.
    Fixed(SecretString),
    /// From where it refers to.
    Kept(Reference),
}

/// The settings that say how to sign in.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// `store.url`.
    pub(crate) url: Part,
    /// `store.username`, in the place of the one in the address.
    pub(crate) username: Option<Part>,
    /// `store.password`, likewise.
    pub(crate) password: Option<Part>,
}

/// What the database is signed in to with.
pub(crate) struct DatabaseSignIn(Arc<Inner>);

struct Inner {
    parts: Parts,
    reader: Reader,
    state: Mutex<State>,
}

struct State {
    /// What is used now.
    now: Known,
    /// What was there when it was read last.
    there: Vec<Known>,
    /// What the database has refused since then.
    refused: Vec<Credentials>,
    pace: Pace,
}

#[derive(Clone)]
struct Known {
    credentials: Credentials,
    stage: Stage,
}

impl DatabaseSignIn {
    /// Signs in with what the vault knows, and reads again when that is refused. There is none where the address says it
    /// all, for good.
    pub(crate) fn of(parts: Parts, vault: &Vault) -> Result<Option<Self>, CredentialError> {
        if parts.username.is_none() && parts.password.is_none() && matches!(parts.url, Part::Fixed(_)) {
            return Ok(None);
        }
        let first = parts.credentials(vault.first_snapshot())?;
        Ok(first.map(|credentials| {
            let now = Known { credentials, stage: Stage::Current };
            let state = State { there: vec![now.clone()], now, refused: Vec::new(), pace: Pace::default() };
            Self(Arc::new(Inner { parts, reader: vault.reader().clone(), state: Mutex::new(state) }))
        }))
    }

    /// Which version is used now.
    pub(crate) async fn stage(&self) -> Stage {
        self.0.state.lock().await.now.stage
    }
}

#[async_trait]
impl CredentialSource for DatabaseSignIn {
    async fn current(&self) -> Result<Credentials, CredentialError> {
        Ok(self.0.state.lock().await.now.credentials.clone())
    }

    async fn after_refusal(&self, refused: &Credentials) -> Result<Option<Credentials>, CredentialError> {
        let (inner, refused) = (Arc::clone(&self.0), refused.clone());
        // On its own: a call that gives up must not take the answer with it that the next one waits for.
        let renewing = tokio::spawn(async move { inner.after_refusal(refused).await });
        renewing.await.unwrap_or_else(|_| Err(CredentialError("the process is ending".to_owned())))
    }

    fn origin(&self) -> String {
        self.0.parts.origin()
    }
}

impl Inner {
    /// One at a time: whoever comes while it is read finds what was read.
    async fn after_refusal(&self, refused: Credentials) -> Result<Option<Credentials>, CredentialError> {
        let mut state = self.state.lock().await;
        if !equal(&state.now.credentials, &refused) {
            return Ok(Some(state.now.credentials.clone()));
        }
        // Every call is refused with it while nothing is read again.
        if state.refused.iter().all(|known| !equal(known, &refused)) {
            state.refused.push(refused.clone());
        }
        if state.untried().is_none() {
            if self.parts.kept().next().is_none() || !state.pace.is_due(&SystemClock) {
                return Ok(None);
            }
            let there = self.there().await.inspect_err(|error| {
                state.pace.was_read(&SystemClock, false);
                tracing::warn!(%error, "the database refuses what it is signed in to with, and nothing else can be read");
            })?;
            let is_new = |known: &Known| state.there.iter().all(|old| !equal(&old.credentials, &known.credentials));
            let brought_new = there.iter().any(is_new);
            state.pace.was_read(&SystemClock, brought_new);
            state.there = there;
            // The others may count again: a rotation can be taken back.
            state.refused = vec![refused];
        }
        let origin = self.parts.origin();
        let Some(next) = state.untried() else {
            tracing::error!(origin, "the database refuses every password that is kept; put the one it knows there");
            return Ok(None);
        };
        tracing::info!(origin, stage = next.stage.as_str(), "the database refused its password; another is taken up");
        state.now = next;
        Ok(Some(state.now.credentials.clone()))
    }

    /// Everything that is there now, in the order in which it is tried.
    async fn there(&self) -> Result<Vec<Known>, CredentialError> {
        let at = |stage| self.reader.read(self.parts.kept().map(|(_, reference)| reference), stage);
        let (current, pending) = tokio::join!(at(Stage::Current), at(Stage::Pending));
        self.parts.in_order(current, pending)
    }
}

impl State {
    /// The first that the database has not refused.
    fn untried(&self) -> Option<Known> {
        let is_untried = |known: &&Known| self.refused.iter().all(|refused| !equal(refused, &known.credentials));
        self.there.iter().find(is_untried).cloned()
    }
}

impl Parts {
    /// What is kept elsewhere, by setting; the password's first.
    fn kept(&self) -> impl Iterator<Item = (&'static str, &Reference)> {
        let settings = [
            ("store.password", self.password.as_ref()),
            ("store.url", Some(&self.url)),
            ("store.username", self.username.as_ref()),
        ];
        settings.into_iter().filter_map(|(setting, part)| match part? {
            Part::Kept(reference) => Some((setting, reference)),
            Part::Fixed(_) => None,
        })
    }

    /// Where the password comes from, in words.
    fn origin(&self) -> String {
        match (self.kept().next(), &self.password) {
            (Some((setting, reference)), _) => format!("{setting} ({reference})"),
            (None, Some(_)) => "store.password".to_owned(),
            (None, None) => "store.url".to_owned(),
        }
    }

    /// What counts, and what is about to where that is something else. No trouble with the latter keeps the former from
    /// being used.
    fn in_order(&self, current: Snapshot, pending: Snapshot) -> Result<Vec<Known>, CredentialError> {
        let known = |stage| move |credentials| Known { credentials, stage };
        let mut there: Vec<_> = self.credentials(&current)?.map(known(Stage::Current)).into_iter().collect();
        match self.credentials(&pending.or(current)) {
            Ok(credentials) => {
                let is_new = |new: &Credentials| there.iter().all(|known| !equal(&known.credentials, new));
                let pending = credentials.filter(is_new).map(known(Stage::Pending));
                there.extend(pending);
            }
            Err(error) => tracing::warn!(%error, "AWSPENDING cannot be used; what counts is tried alone"),
        }
        Ok(there)
    }

    /// Name and password; none where one of them has no version at the stage that was read, or nobody says any.
    fn credentials(&self, snapshot: &Snapshot) -> Result<Option<Credentials>, CredentialError> {
        let Some(url) = self.url.read("store.url", snapshot)? else { return Ok(None) };
        let (mut username, mut password) = said_in(url.expose_secret());
        if let Some(part) = &self.username {
            let Some(read) = part.read("store.username", snapshot)? else { return Ok(None) };
            username = Some(read.expose_secret().to_owned());
            // A server may ask for none.
            password = password.or_else(|| Some(SecretString::default()));
        }
        if let Some(part) = &self.password {
            password = part.read("store.password", snapshot)?;
        }
        Ok(password.map(|password| Credentials { username, password }))
    }
}

impl Part {
    fn read(&self, setting: &str, snapshot: &Snapshot) -> Result<Option<SecretString>, CredentialError> {
        match self {
            Self::Fixed(secret) => Ok(Some(secret.clone())),
            Self::Kept(reference) => snapshot
                .secret(reference)
                .map_err(|error| CredentialError(format!("{setting}: {:?} {error}", reference.to_string()))),
        }
    }
}

/// Name and password in an address, as far as it has them: `scheme://name:password@…`.
fn said_in(url: &str) -> (Option<String>, Option<SecretString>) {
    let decoded =
        |text: &str| Some(percent_decode_str(text).decode_utf8_lossy().into_owned()).filter(|text| !text.is_empty());
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let Some((said, _)) = authority.and_then(|authority| authority.rsplit_once('@')) else { return (None, None) };
    let (name, password) = said.split_once(':').unwrap_or((said, ""));
    (decoded(name), decoded(password).map(SecretString::from))
}

fn equal(one: &Credentials, other: &Credentials) -> bool {
    one.username == other.username && same(&one.password, &other.password)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::Unreadable;
    use super::super::version::Version;
    use super::*;

    fn sign_in(folder: &std::path::Path) -> DatabaseSignIn {
        let kept = |name: &str| Some(Part::Kept(Reference::File(folder.join(name))));
        let url = Part::Fixed("postgres://fixed:fixed@host/db".into());
        let parts = Parts { url, username: kept("username"), password: kept("password") };
        DatabaseSignIn::of(parts, &Vault::default()).unwrap().unwrap()
    }

    fn shown(credentials: &Credentials) -> String {
        format!("{}:{}", credentials.username.as_deref().unwrap_or("-"), credentials.password.expose_secret())
    }

    #[tokio::test]
    async fn what_is_refused_is_read_anew_once_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("username", "app\n");
        write("password", "p1\n");
        let source = sign_in(folder.path());
        let first = source.current().await.unwrap();
        assert_eq!(shown(&first), "app:p1");
        // The alternation of two users is a rotation, too.
        write("username", "app_clone");
        write("password", "p2");
        let (one, other) = tokio::join!(source.after_refusal(&first), source.after_refusal(&first));
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        assert_eq!((shown(&one), shown(&other)), ("app_clone:p2".to_owned(), "app_clone:p2".to_owned()));
        assert_eq!(shown(&source.current().await.unwrap()), "app_clone:p2");
    }

    #[tokio::test]
    async fn a_password_that_is_wrong_for_good_is_not_read_with_every_refusal() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["username", "password"] {
            std::fs::write(folder.path().join(name), "wrong").unwrap();
        }
        let source = sign_in(folder.path());
        let wrong = source.current().await.unwrap();
        assert!(source.after_refusal(&wrong).await.unwrap().is_none());
        std::fs::remove_file(folder.path().join("password")).unwrap();
        // It would fail if it were read.
        assert!(source.after_refusal(&wrong).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_by_setting_and_place() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["username", "password"] {
            std::fs::write(folder.path().join(name), "hunter2").unwrap();
        }
        let source = sign_in(folder.path());
        std::fs::remove_file(folder.path().join("password")).unwrap();
        let refused = source.current().await.unwrap();
        let error = source.after_refusal(&refused).await.unwrap_err().to_string();
        assert!(error.starts_with("store.password: \"file:///") && error.contains("cannot be read"), "{error}");
        assert!(!error.contains("hunter2") && source.origin().starts_with("store.password (file:///"));
    }

    /// Name and password in two secrets.
    fn apart() -> Parts {
        let kept = |id: &str, key: &str| Part::Kept(Reference::Aws { id: id.to_owned(), key: Some(key.to_owned()) });
        let url = Part::Fixed("postgres://host/db".into());
        Parts { url, username: Some(kept("name", "username")), password: Some(kept("word", "password")) }
    }

    type Read = (String, Result<Option<Version>, Unreadable>);

    fn holds(id: &str, text: &str) -> Read {
        (id.to_owned(), Ok(Some(Version { text: text.into(), created: None })))
    }

    fn lacks(id: &str) -> Read {
        (id.to_owned(), Ok(None))
    }

    fn denies(id: &str) -> Read {
        (id.to_owned(), Err(Unreadable::new("may not be read", "allow it")))
    }

    fn in_order(current: [Read; 2], pending: [Read; 2]) -> Result<Vec<String>, String> {
        let (current, pending) = (current.into_iter().collect(), pending.into_iter().collect());
        let there = apart().in_order(current, pending).map_err(|error| error.to_string())?;
        Ok(there.iter().map(|known| format!("{} {}", known.stage.as_str(), shown(&known.credentials))).collect())
    }

    const NAME: &str = r#"{"username": "app"}"#;
    const OLD: &str = r#"{"password": "p1"}"#;
    const NEW: &str = r#"{"password": "p2"}"#;

    #[test]
    fn what_counts_is_tried_first_and_the_pending_password_with_the_name_that_counts() {
        let current = [holds("name", NAME), holds("word", OLD)];
        let pending = [lacks("name"), holds("word", NEW)];
        assert_eq!(in_order(current.clone(), pending).unwrap(), ["AWSCURRENT app:p1", "AWSPENDING app:p2"]);
        // Of a rotation that is over the label stays where it was.
        assert_eq!(in_order(current.clone(), current).unwrap(), ["AWSCURRENT app:p1"]);
    }

    #[test]
    fn no_trouble_with_the_pending_version_keeps_what_counts_from_being_used() {
        let current = [holds("name", NAME), holds("word", OLD)];
        for trouble in [denies("word"), holds("word", "{}"), holds("word", "no object"), lacks("word")] {
            let there = in_order(current.clone(), [denies("name"), trouble]);
            assert_eq!(there.unwrap(), ["AWSCURRENT app:p1"]);
        }
        let error = in_order([holds("name", NAME), denies("word")], [lacks("name"), holds("word", NEW)]).unwrap_err();
        assert!(error.contains("may not be read"), "{error}");
    }

    #[tokio::test]
    async fn what_is_refused_again_and_again_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["username", "password"] {
            std::fs::write(folder.path().join(name), "wrong").unwrap();
        }
        let source = sign_in(folder.path());
        let wrong = source.current().await.unwrap();
        for _ in 0..3 {
            assert!(source.after_refusal(&wrong).await.unwrap().is_none());
        }
        assert_eq!(source.0.state.lock().await.refused.len(), 1);
    }

    #[test]
    fn name_and_password_are_read_out_of_addresses_as_they_were_meant() {
        for (url, name, password) in [
            ("postgres://ann:p%40%2Fw@h:5432/d", Some("ann"), Some("p@/w")),
            ("mongodb://ann:pw@a:1,b:2/?tls=true", Some("ann"), Some("pw")),
            ("postgres://ann@h/d", Some("ann"), None),
            ("postgres://h/d?x=a@b:c", None, None),
            ("sqlite:a.db", None, None),
        ] {
            let (said, secret) = said_in(url);
            let secret = secret.map(|secret| secret.expose_secret().to_owned());
            assert_eq!((said.as_deref(), secret.as_deref()), (name, password), "{url}");
        }
    }
}
