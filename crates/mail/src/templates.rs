//! The templates of letters: those built in, and an operator's files in their place.
//!
//! Every template is compiled and rendered once before the first letter, so that a mistake is told at the start, with
//! its file and line, and not by a letter that never comes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use doorward_identity::code::CODE_TTL;
use doorward_identity::mail::{Letter, LetterKind};
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::message::{Written, judge_subject};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

/// Name and text of every template.
const BUILT_IN: &[(&str, &str)] = built_in![
    "frame.html",
    "confirm_email.subject.txt",
    "confirm_email.txt",
    "confirm_email.html",
    "reset_password.subject.txt",
    "reset_password.txt",
    "reset_password.html",
    "confirm_new_email.subject.txt",
    "confirm_new_email.txt",
    "confirm_new_email.html",
    "email_changed.subject.txt",
    "email_changed.txt",
    "email_changed.html",
    "password_changed.subject.txt",
    "password_changed.txt",
    "password_changed.html",
    "account_deleted.subject.txt",
    "account_deleted.txt",
    "account_deleted.html",
    "already_registered.subject.txt",
    "already_registered.txt",
    "already_registered.html",
];

/// What is the same in every letter.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub(crate) product: String,
    pub(crate) public_url: String,
    pub(crate) frontend_url: String,
}

/// Why a letter could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Template(#[from] Error),
    #[error(transparent)]
    Subject(#[from] crate::message::BadSubject),
}

/// Templates that are known to work.
pub(crate) struct Templates {
    environment: Environment<'static>,
    house: House,
}

impl Templates {
    /// The built-in templates, with the files of `folder` in their place. Otherwise everything that is wrong there.
    pub(crate) fn load(house: House, folder: Option<&Path>) -> Result<Self, Vec<String>> {
        let mut templates = Self { environment: environment(), house };
        let mut mistakes = Vec::new();
        for (name, source) in BUILT_IN {
            if let Err(error) = templates.environment.add_template(name, source) {
                mistakes.push(describe(&error, name, None));
            }
        }
        for (name, source) in folder.and_then(|folder| read(folder, &mut mistakes)).unwrap_or_default() {
            if let Err(error) = templates.environment.add_template_owned(name.clone(), source) {
                mistakes.push(describe(&error, &name, folder));
            }
        }
        for kind in LetterKind::ALL {
            templates.rehearse(kind, folder, &mut mistakes);
        }
        // A faulty frame is told once, and not by each letter in it.
        mistakes.sort();
        mistakes.dedup();
        if mistakes.is_empty() { Ok(templates) } else { Err(mistakes) }
    }

    /// Writes a letter.
    pub(crate) fn write(&self, letter: &Letter, recipient: &str) -> Result<Written, WriteError> {
        let kind = letter.kind().as_str();
        let mut known = self.variables(letter, recipient);
        let subject = self.render(&format!("{kind}.subject.txt"), &known)?.trim().to_owned();
        judge_subject(&subject)?;
        let text = self.render(&format!("{kind}.txt"), &known)?;
        known.push(("subject", subject.clone().into()));
        let html = self.render(&format!("{kind}.html"), &known)?;
        Ok(Written { subject, text, html })
    }

    fn render(&self, name: &str, known: &[(&'static str, Value)]) -> Result<String, Error> {
        self.environment.get_template(name)?.render(Value::from_pairs(known.iter().cloned()))
    }

    fn variables(&self, letter: &Letter, recipient: &str) -> Vec<(&'static str, Value)> {
        let house = &self.house;
        let mut known = vec![
            ("product", Value::from(house.product.as_str())),
            ("recipient", recipient.into()),
            ("public_url", house.public_url.as_str().into()),
            ("frontend_url", house.frontend_url.as_str().into()),
        ];
        match letter {
            Letter::ConfirmEmail { code } | Letter::ResetPassword { code } | Letter::ConfirmNewEmail { code } => {
                known.push(("code", code.as_str().into()));
                known.push(("minutes", CODE_TTL.as_mins().into()));
            }
            Letter::EmailChanged | Letter::PasswordChanged | Letter::AccountDeleted | Letter::AlreadyRegistered => {}
        }
        known
    }

    /// Renders the three templates of a letter with sample values.
    fn rehearse(&self, kind: LetterKind, folder: Option<&Path>, mistakes: &mut Vec<String>) {
        let mut known = self.variables(&sample(kind), "ann@example.com");
        for ending in ["subject.txt", "txt", "html"] {
            let name = format!("{}.{ending}", kind.as_str());
            if ending == "html" {
                known.push(("subject", "Subject".into()));
            }
            let rendered = self.render(&name, &known).map_err(|error| {
                let about = describe(&error, &name, folder);
                if error.kind() != ErrorKind::UndefinedError || error.name() != Some(&name) {
                    return about;
                }
                let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                format!("{about} (known here: {})", names.join(", "))
            });
            let judged = rendered.and_then(|text| match ending {
                "subject.txt" => judge_subject(text.trim()).map_err(|bad| format!("{}: {bad}", place(&name, folder))),
                _ => Ok(()),
            });
            mistakes.extend(judged.err());
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if Path::new(name).extension().is_some_and(|ending| ending == "html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    environment
}

fn sample(kind: LetterKind) -> Letter {
    let code = "123456".to_owned();
    match kind {
        LetterKind::ConfirmEmail => Letter::ConfirmEmail { code },
        LetterKind::ResetPassword => Letter::ResetPassword { code },
        LetterKind::ConfirmNewEmail => Letter::ConfirmNewEmail { code },
        LetterKind::EmailChanged => Letter::EmailChanged,
        LetterKind::PasswordChanged => Letter::PasswordChanged,
        LetterKind::AccountDeleted => Letter::AccountDeleted,
        LetterKind::AlreadyRegistered => Letter::AlreadyRegistered,
    }
}

/// The files of an operator's folder that are templates; what else lies there is a mistake.
fn read(folder: &Path, mistakes: &mut Vec<String>) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries =
        entries.map_err(|error| mistakes.push(format!("{} cannot be read: {error}", folder.display()))).ok()?;
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        // What file systems, editors and mounts leave beside.
        if name.starts_with('.') {
            continue;
        }
        if BUILT_IN.iter().all(|(known, _)| *known != name) {
            let near = BUILT_IN.iter().map(|(known, _)| *known).min_by_key(|known| strsim::levenshtein(known, &name));
            let near = near.unwrap_or_default();
            mistakes.push(format!("{} is no template; the nearest is {near}", entry.path().display()));
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(source) => found.push((name, source)),
            Err(error) => mistakes.push(format!("{} cannot be read: {error}", entry.path().display())),
        }
    }
    Some(found)
}

/// Where a mistake is and what it is. The template at fault may be the frame rather than the one that was rendered.
fn describe(error: &Error, name: &str, folder: Option<&Path>) -> String {
    let name = error.name().unwrap_or(name);
    let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{line}: {}{detail}", place(name, folder), error.kind())
}

fn place(name: &str, folder: Option<&Path>) -> String {
    match folder.map(|folder| folder.join(name)).filter(|path| path.exists()) {
        Some(path) => path.display().to_string(),
        None => name.to_owned(),
    }
}

/// Why the built-in templates were not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Somebody's file stays theirs.
    #[error("{0} is there already; nothing was written")]
    Exists(PathBuf),
    /// The folder or a file cannot be written.
    #[error("{0} cannot be written: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Writes the built-in templates into a folder, which is made if need be. Overwrites nothing.
pub fn export(folder: &Path) -> Result<(), ExportError> {
    fs::create_dir_all(folder).map_err(|error| ExportError::Io(folder.to_owned(), error))?;
    if let Some((name, _)) = BUILT_IN.iter().find(|(name, _)| folder.join(name).symlink_metadata().is_ok()) {
        return Err(ExportError::Exists(folder.join(name)));
    }
    for (name, source) in BUILT_IN {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(source.as_bytes()));
        written.map_err(|error| ExportError::Io(path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
