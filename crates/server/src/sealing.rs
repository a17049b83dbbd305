//! The key that seals private keys and providers' tokens in the store: the operator's, or one made and kept beside the database.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_identity::Entropy;
use doorward_identity::keyring::SealingKey;
use secrecy::SecretString;

use crate::config::{Config, StoreKind};

const FILE: &str = "encryption.key";

/// `tokens.encryption_key` if it is set; else the shared secret, which signs already; else a file that is made on
/// the first start. Outside development a server's store needs the setting (the configuration's checks see to it).
pub(crate) fn key(config: &Config, entropy: &dyn Entropy) -> anyhow::Result<SealingKey> {
    let secret = match config.tokens.encryption_key.as_ref().or(config.tokens.secret.as_ref()) {
        Some(secret) => secret.clone(),
        None => kept(&folder(config), entropy)?,
    };
    SealingKey::derive(&secret).map_err(|error| anyhow!("no key can be derived from tokens.encryption_key: {error}"))
}

/// What the key is made of, in words for who has to keep it.
pub(crate) fn whereabouts(config: &Config) -> String {
    if config.tokens.encryption_key.is_some() {
        return "the setting tokens.encryption_key".to_owned();
    }
    match config.tokens.secret {
        Some(_) => "the setting tokens.secret".to_owned(),
        None => format!("the file {}", folder(config).join(FILE).display()),
    }
}

fn folder(config: &Config) -> PathBuf {
    match &config.store.kind {
        StoreKind::Sqlite { path } => path.parent().map(Path::to_owned).unwrap_or_default(),
        StoreKind::Postgres | StoreKind::Mongo => "doorward-data".into(),
    }
}

/// The secret in the file, made if it is not there. Of processes that start together one makes it.
fn kept(folder: &Path, entropy: &dyn Entropy) -> anyhow::Result<SecretString> {
    let path = folder.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let secret = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
    // Written whole under another name first, so that nobody ever reads half of it.
    let draft = folder.join(format!("{FILE}.{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(secret.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => fs::remove_file(&draft),
        }
    };
    write().with_context(|| format!("the encryption key {} cannot be written", path.display()))?;
    read(&path)?.with_context(|| format!("the encryption key {} is gone again", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(anyhow!("the encryption key {} is empty", path.display())),
        Ok(text) => Ok(Some(text.trim().to_owned().into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the encryption key {} cannot be read", path.display())),
    }
}
