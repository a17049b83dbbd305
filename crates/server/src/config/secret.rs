//! Secrets by reference: `file:///run/secrets/x` and `env:NAME` instead of the secret itself.

use std::path::Path;

use super::kind::Fault;

/// What `text` stands for; `lookup` reads a variable.
pub(super) fn resolve<'e>(text: String, lookup: impl Fn(&str) -> Option<&'e str>) -> Result<String, Fault> {
    let fault = |what: String, hint: &str| Fault { what, hint: hint.to_owned() };
    if let Some(path) = text.strip_prefix("file://") {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(fault(format!("{text:?} is not absolute"), "write it as file:///run/secrets/name"));
        }
        // An editor's last line end is not part of the secret.
        let read = std::fs::read_to_string(path).map(|secret| secret.trim_end_matches(['\r', '\n']).to_owned());
        return match read {
            Ok(secret) if secret.is_empty() => {
                Err(fault(format!("{text:?} is empty"), "write the secret into the file"))
            }
            Ok(secret) => Ok(secret),
            Err(error) => {
                Err(fault(format!("{text:?} cannot be read: {error}"), "see that the file is there and may be read"))
            }
        };
    }
    if let Some(name) = text.strip_prefix("env:") {
        return match lookup(name) {
            Some(secret) if !secret.is_empty() => Ok(secret.to_owned()),
            _ => Err(fault(format!("{text:?} names a variable that is not set"), "set it, or name another")),
        };
    }
    if text.starts_with("aws-sm://") {
        let hint = "let the platform put it into a file or a variable, and write file:///path or env:NAME";
        return Err(fault("is kept in AWS Secrets Manager, which is not in this build".to_owned(), hint));
    }
    Ok(text)
}
