//! The named values of a request (a body's members, a query's parameters), taken one by one; whatever is wrong
//! with any of them is told together. Knows neither JSON nor URLs.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use doorward_protocol::problem::FieldError;
use secrecy::SecretString;

use crate::contract::Contract;
use crate::problem::Problem;

/// The most items a list may have, and the most unknown members that are named.
const MAX_LIST: usize = 100;

/// What a request must consist of.
pub(crate) trait Shape {
    /// Takes what it needs. On a fault anything may be returned: it is thrown away.
    fn read(members: &mut Members<'_>) -> Self;
}

/// A value, as far as anybody asks.
pub(crate) enum Member<'b> {
    Null,
    Flag(bool),
    Number,
    Text(Cow<'b, str>),
    List(Vec<Member<'b>>),
    Object,
}

/// What is left of the values, and what was wrong with those taken.
pub(crate) struct Members<'b> {
    left: Vec<(Cow<'b, str>, Member<'b>)>,
    faults: Vec<FieldError>,
}

impl<'b> Members<'b> {
    /// Values of which each name is there once.
    pub(crate) const fn new(members: Vec<(Cow<'b, str>, Member<'b>)>) -> Self {
        Self { left: members, faults: Vec::new() }
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &str) -> String {
        match self.take(name) {
            Some(Member::Text(text)) => text.into_owned(),
            None | Some(Member::Null) => self.fault(name, "must be given"),
            Some(_) => self.fault(name, "must be a string"),
        }
    }

    /// A secret that must be there.
    pub(crate) fn secret(&mut self, name: &str) -> SecretString {
        self.text(name).into()
    }

    /// A text that may be left out or null.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        self.nullable_text(name).flatten()
    }

    /// A text of at most so many bytes; may be left out or null.
    pub(crate) fn text_within(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.optional_text(name)?;
        if text.len() > most { self.fault(name, "is too long") } else { Some(text) }
    }

    /// A text that may be left out, or null, which is something else.
    #[expect(clippy::option_option, reason = "left out and null are two wishes")]
    pub(crate) fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        match self.take(name) {
            None => None,
            Some(Member::Null) => Some(None),
            Some(Member::Text(text)) => Some(Some(text.into_owned())),
            Some(_) => self.fault(name, "must be a string or null"),
        }
    }

    /// A text that may be left out, but not null.
    pub(crate) fn changed_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|member| match member {
            Member::Text(text) => text.into_owned(),
            _ => self.fault(name, "must be a string"),
        })
    }

    /// True or false; may be left out.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name).map(|member| match member {
            Member::Flag(flag) => flag,
            _ => self.fault(name, "must be true or false"),
        })
    }

    /// The digits of a code, which must be there.
    pub(crate) fn digits(&mut self, name: &str) -> SecretString {
        match self.take(name) {
            Some(Member::Text(text)) => text.into_owned().into(),
            Some(Member::Number) => self.fault(name, "must be a string: a number loses its leading zeros"),
            None | Some(Member::Null) => self.fault(name, "must be given"),
            Some(_) => self.fault(name, "must be a string"),
        }
    }

    /// One of these words, which must be there.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, name: &str, words: [(&str, T); N]) -> Option<T> {
        let given = self.take(name);
        let meant = |(word, _): &&(&str, T)| matches!(&given, Some(Member::Text(text)) if text == word);
        if let Some((_, value)) = words.iter().find(meant) {
            return Some(*value);
        }
        self.note(name, &format!("must be {}", words.map(|(word, _)| word).join(" or ")));
        None
    }

    /// Consent, which nothing but `true` gives.
    pub(crate) fn consent(&mut self, name: &str) {
        if !matches!(self.take(name), Some(Member::Flag(true))) {
            self.note(name, "must be true");
        }
    }

    /// A text of a given form; may be left out or null.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, form: &str) -> Option<T> {
        let text = self.optional_text(name)?;
        text.parse().map_err(|_| self.note(name, form)).ok()
    }

    /// As [`Self::parsed`], where null is something else than left out.
    #[expect(clippy::option_option, reason = "left out and null are two wishes")]
    pub(crate) fn nullable<T: FromStr>(&mut self, name: &str, form: &str) -> Option<Option<T>> {
        let text = self.nullable_text(name)?;
        Some(text.and_then(|text| text.parse().map_err(|_| self.note(name, form)).ok()))
    }

    /// A list of texts of a given form; may be left out.
    pub(crate) fn list<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Vec<T>> {
        const FORM: &str = "must be a list of strings";
        let Member::List(items) = self.take(name)? else { return Some(self.fault(name, FORM)) };
        if items.len() > MAX_LIST {
            return Some(self.fault(name, "must have at most 100 items"));
        }
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let Member::Text(text) = item else { return Some(self.fault(name, FORM)) };
            match text.parse::<T>() {
                Ok(value) => list.push(value),
                Err(error) => return Some(self.fault(name, &error.to_string())),
            }
        }
        Some(list)
    }

    /// A number between two bounds, written as text; `default` when it is left out.
    pub(crate) fn number_within(&mut self, name: &str, least: u32, most: u32, default: u32) -> u32 {
        let Some(text) = self.optional_text(name) else { return default };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.unwrap_or_else(|| self.fault(name, &format!("must be a whole number from {least} to {most}")))
    }

    /// Notes what is wrong with a value.
    pub(crate) fn note(&mut self, name: &str, message: &str) {
        self.faults.push(FieldError { field: name.to_owned(), message: message.to_owned() });
    }

    /// Refuses the request if anything was wrong, or left where nothing may be.
    pub(crate) fn finish(mut self, contract: Contract) -> Result<(), Problem> {
        if contract.refuses_unknown_members() {
            for (name, _) in std::mem::take(&mut self.left).into_iter().take(MAX_LIST) {
                let shown: String = name.chars().take(64).collect();
                self.note(&shown, "is not known here");
            }
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::bad_input(contract, self.faults)) }
    }

    fn take(&mut self, name: &str) -> Option<Member<'b>> {
        let position = self.left.iter().position(|(left, _)| left == name)?;
        Some(self.left.swap_remove(position).1)
    }

    fn fault<T: Default>(&mut self, name: &str, message: &str) -> T {
        self.note(name, message);
        T::default()
    }
}
