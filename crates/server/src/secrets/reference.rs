//! How a setting says that its secret is kept elsewhere: `file:///run/secrets/x`, `env:NAME`, `aws-sm://name#key`.
//! The writing alone; nothing is read here.

use std::fmt;
use std::path::PathBuf;

use super::Unreadable;

const FILE: &str = "file://";
const VARIABLE: &str = "env:";
const AWS: &str = "aws-sm:";
const AWS_FORM: &str = "write it as aws-sm://name, or aws-sm://name#key for one member of a JSON object; the whole ARN may \
                        stand for the name";

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// In a file: all it holds.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
    /// In AWS Secrets Manager.
    Aws {
        /// The secret's name or ARN.
        id: String,
        /// The member of its JSON object; without one all it holds.
        key: Option<String>,
    },
}

impl Reference {
    /// What `text` refers to; nothing if it is the secret itself.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Unreadable> {
        if let Some(path) = text.strip_prefix(FILE) {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                let what = format!("{text:?} is not absolute");
                return Err(Unreadable::new(what, "write it as file:///run/secrets/name"));
            }
            return Ok(Some(Self::File(path)));
        }
        if let Some(name) = text.strip_prefix(VARIABLE) {
            return Ok(Some(Self::Variable(name.to_owned())));
        }
        let Some(rest) = text.strip_prefix(AWS) else { return Ok(None) };
        let (id, key) = rest.split_once('#').map_or((rest, None), |(id, key)| (id, Some(key)));
        let id = id.strip_prefix("//").filter(|id| !id.is_empty() && id.bytes().all(may_name));
        match id {
            Some(id) if key != Some("") => Ok(Some(Self::Aws { id: id.to_owned(), key: key.map(str::to_owned) })),
            _ => Err(Unreadable::new(format!("{text:?} names no secret"), AWS_FORM)),
        }
    }

    /// The secret in AWS Secrets Manager.
    pub(super) fn aws_id(&self) -> Option<&str> {
        match self {
            Self::Aws { id, .. } => Some(id),
            Self::File(_) | Self::Variable(_) => None,
        }
    }

    /// Whether what it refers to may become another while the process runs.
    pub(crate) const fn may_change(&self) -> bool {
        !matches!(self, Self::Variable(_))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{FILE}{}", path.display()),
            Self::Variable(name) => write!(f, "{VARIABLE}{name}"),
            Self::Aws { id, key: None } => write!(f, "{AWS}//{id}"),
            Self::Aws { id, key: Some(key) } => write!(f, "{AWS}//{id}#{key}"),
        }
    }
}

/// What names and ARNs of secrets are made of.
fn may_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn references_are_told_from_secrets_and_written_back_as_they_were() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf";
        for text in [
            "file:///run/secrets/x",
            "env:NAME",
            "aws-sm://name",
            "aws-sm://prod/doorward/db#password",
            &format!("aws-sm://{arn}#password"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().unwrap().to_string(), text);
        }
        for text in ["", "hush", "postgres://u:p@h/d", "files", "aws", "aws-sm"] {
            assert_eq!(Reference::parse(text).unwrap(), None, "{text}");
        }
        let reference = Reference::parse(&format!("aws-sm://{arn}#a#b")).unwrap().unwrap();
        assert_eq!(reference, Reference::Aws { id: arn.to_owned(), key: Some("a#b".to_owned()) });
    }

    #[test]
    fn a_reference_that_is_half_written_is_no_secret() {
        for text in
            ["file://x", "aws-sm:", "aws-sm:name", "aws-sm://", "aws-sm://#key", "aws-sm://n#", "aws-sm://n?v=1"]
        {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
