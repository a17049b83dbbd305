//! What a person is called and where they can be reached: read from what they typed, or from what a user pool
//! elsewhere tells of them.

use super::{PersonDetails, PhoneNumber, User};
use crate::fault::FieldFault;
use crate::name::DisplayName;
use crate::user_pool::PoolAccount;

/// Names and telephone of a person, all of them good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) name: Option<DisplayName>,
    pub(crate) first_name: Option<DisplayName>,
    pub(crate) last_name: Option<DisplayName>,
    pub(crate) phone: Option<PhoneNumber>,
}

impl Person {
    /// Somebody of whom only what they are called is known.
    pub(crate) fn named(name: Option<DisplayName>) -> Self {
        Self { name, ..Self::default() }
    }

    /// What they typed, or everything that is wrong with it. Without a name of its own the account is called by first
    /// and last name.
    pub(super) fn read(name: Option<&str>, details: Option<PersonDetails<'_>>) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let mut read = |field, typed: &str| {
            let name = DisplayName::try_from(typed.trim().to_owned());
            name.map_err(|error| faults.push(FieldFault::new(field, error))).ok()
        };
        let name = name.and_then(|name| read("name", name));
        let first_name = details.and_then(|details| read("first_name", details.first_name));
        let last_name = details.and_then(|details| read("last_name", details.last_name));
        let phone = details.and_then(|details| details.phone).map(str::parse).transpose();
        let phone = phone.map_err(|error| faults.push(FieldFault::new("phone", error))).ok().flatten();
        let name = name.or_else(|| joined(first_name.as_ref(), last_name.as_ref()));
        if faults.is_empty() { Ok(Self { name, first_name, last_name, phone }) } else { Err(faults) }
    }

    /// What another system tells of them, as far as it is good.
    pub(crate) fn told_by(account: &PoolAccount) -> Self {
        let read =
            |name: &Option<String>| name.as_deref().and_then(|name| DisplayName::try_from(name.trim().to_owned()).ok());
        let (first_name, last_name) = (read(&account.given_name), read(&account.family_name));
        let name = joined(first_name.as_ref(), last_name.as_ref());
        let phone = account.phone.as_deref().and_then(|phone| phone.parse().ok());
        Self { name, first_name, last_name, phone }
    }

    /// Puts what is known here in the place of what the account says.
    pub(crate) fn describe(self, user: &mut User) {
        let put = |place: &mut Option<String>, name: Option<DisplayName>| {
            if let Some(name) = name {
                *place = Some(name.into());
            }
        };
        put(&mut user.name, self.name);
        put(&mut user.first_name, self.first_name);
        put(&mut user.last_name, self.last_name);
        user.phone = self.phone.or(user.phone.take());
    }
}

fn joined(first: Option<&DisplayName>, last: Option<&DisplayName>) -> Option<DisplayName> {
    let words: Vec<&str> = [first, last].into_iter().flatten().map(DisplayName::as_str).collect();
    DisplayName::try_from(words.join(" ")).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn details<'r>(first_name: &'r str, last_name: &'r str, phone: Option<&'r str>) -> PersonDetails<'r> {
        PersonDetails { first_name, last_name, phone }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = Person::read(Some("\u{200b}"), Some(details("", "\n", Some("415")))).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["name", "first_name", "last_name", "phone"]);
    }

    #[test]
    fn who_has_no_name_of_their_own_is_called_by_first_and_last_name() {
        let person = Person::read(None, Some(details(" Ada ", "Lovelace", Some("+44 20 7946 0000")))).unwrap();
        assert_eq!(person.name.unwrap().as_str(), "Ada Lovelace");
        assert_eq!(person.phone.unwrap().as_str(), "+442079460000");
        let person = Person::read(Some("Countess"), Some(details("Ada", "Lovelace", None))).unwrap();
        assert_eq!(person.name.unwrap().as_str(), "Countess");
        assert!(Person::read(None, None).unwrap().name.is_none());
    }
}
