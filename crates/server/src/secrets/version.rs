//! One version of a secret of AWS Secrets Manager, and the part of it that a reference means.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::Unreadable;

/// Which version of a secret: each has labels that move on when it is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The one that counts.
    Current,
    /// The one that is about to count: the rotation is under way, and whoever is rotated may know only this one.
    Pending,
    /// The one that counted before.
    Previous,
}

impl Stage {
    /// The label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// What a secret holds.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) text: SecretString,
    /// When it was made, which is before it counted.
    pub(super) created: Option<Timestamp>,
}

impl Version {
    /// All of it, or the member of that name.
    pub(super) fn part(&self, key: Option<&str>) -> Result<SecretString, Unreadable> {
        let text = self.text.expose_secret();
        let Some(key) = key else { return not_empty(text) };
        let Ok(Value::Object(members)) = serde_json::from_str(text) else {
            let hint = "leave #key out if it is one secret as it stands";
            return Err(Unreadable::new("does not hold a JSON object", hint));
        };
        match members.get(key) {
            Some(Value::String(text)) => not_empty(text),
            Some(Value::Number(number)) => Ok(number.to_string().into()),
            Some(_) => Err(Unreadable::new(format!("{key:?} in it is no text"), "write the member's value as text")),
            None => {
                // Names of members, never what they hold.
                let mut keys: Vec<_> = members.keys().map(|key| format!("{key:?}")).collect();
                keys.sort();
                let there = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
                Err(Unreadable::new(format!("has no member {key:?}"), format!("its members are: {there}")))
            }
        }
    }
}

fn not_empty(text: &str) -> Result<SecretString, Unreadable> {
    if text.is_empty() { Err(Unreadable::new("is empty", "put the secret into it")) } else { Ok(text.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, key: Option<&str>) -> Result<String, String> {
        let version = Version { text: text.into(), created: None };
        let part = version.part(key).map(|part| part.expose_secret().to_owned());
        part.map_err(|error| error.to_string())
    }

    #[test]
    fn a_reference_means_all_of_a_secret_or_one_member() {
        let text = r#"{"username": "app", "password": "p\"1", "port": 5432}"#;
        assert_eq!(part("hush", None).as_deref(), Ok("hush"));
        assert_eq!(part(text, None).as_deref(), Ok(text));
        assert_eq!(part(text, Some("password")).as_deref(), Ok("p\"1"));
        assert_eq!(part(text, Some("port")).as_deref(), Ok("5432"));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is_and_without_any_value() {
        let told = |text, key| part(text, key).err().unwrap_or_default();
        assert_eq!(
            told("hunter2", Some("k")),
            "does not hold a JSON object; leave #key out if it is one secret as it stands"
        );
        assert_eq!(told("[\"hunter2\"]", Some("k")), told("hunter2", Some("k")));
        let told_keys = told(r#"{"username": "hunter2", "pass": "hunter2"}"#, Some("password"));
        assert_eq!(told_keys, "has no member \"password\"; its members are: \"pass\", \"username\"");
        assert_eq!(told("{}", Some("password")), "has no member \"password\"; its members are: none");
        for (text, key) in [("", None), (r#"{"k": ""}"#, Some("k"))] {
            assert_eq!(told(text, key), "is empty; put the secret into it");
        }
        assert_eq!(
            told(r#"{"k": ["hunter2"]}"#, Some("k")),
            "\"k\" in it is no text; write the member's value as text"
        );
    }
}
