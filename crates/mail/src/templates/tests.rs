//! What templates promise.

#![expect(clippy::unwrap_used, reason = "tests")]

use tempfile::TempDir;

use super::*;

fn house() -> House {
    House {
        product: "Harbour & Sons".to_owned(),
        public_url: "https://door.example.com".to_owned(),
        frontend_url: "https://app.example.com".to_owned(),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        fs::write(folder.path().join(name), source).unwrap();
    }
    folder
}

/// What is wrong with a folder of these files; the folder's own path is left out.
fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let mistakes = Templates::load(house(), Some(folder.path())).err().unwrap_or_default();
    let prefix = format!("{}/", folder.path().display());
    mistakes.into_iter().map(|mistake| mistake.replace(&prefix, "")).collect()
}

#[test]
fn every_letter_says_what_it_must_in_both_forms() {
    let templates = Templates::load(house(), None).map_err(|mistakes| mistakes.join("\n")).unwrap();
    for kind in LetterKind::ALL {
        let letter = sample(kind);
        let written = templates.write(&letter, "ann@example.com").unwrap();
        let has_code = matches!(
            letter,
            Letter::ConfirmEmail { .. } | Letter::ResetPassword { .. } | Letter::ConfirmNewEmail { .. }
        );
        assert!(!written.subject.contains("123456"), "mail servers log subjects");
        assert!(written.html.starts_with("<!doctype html>\n<html lang=\"en\">"));
        assert!(!written.html.contains("http://") && !written.html.contains("<img"));
        for body in [&written.text, &written.html.replace("&#x2f;", "/")] {
            assert_eq!(body.contains("123456"), has_code, "{kind:?}");
            assert_eq!(body.contains("10 minutes"), has_code, "{kind:?}");
            assert!(body.contains("https://app.example.com"), "{kind:?}");
            let advice = ["If it was not you", "If you did not"].iter().any(|advice| body.contains(advice));
            assert!(advice, "{kind:?} does not say what to do if it was not you");
        }
        assert!(written.text.contains("Harbour & Sons") && written.html.contains("Harbour &amp; Sons"));
        assert!(written.text.lines().all(|line| line.chars().count() <= 140), "{kind:?}");
    }
}

#[test]
fn every_letter_has_its_three_templates() {
    let mut wanted = vec!["frame.html".to_owned()];
    for kind in LetterKind::ALL {
        wanted.extend(["subject.txt", "txt", "html"].map(|ending| format!("{}.{ending}", kind.as_str())));
    }
    let known: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, wanted);
}

#[test]
fn a_file_takes_the_place_of_one_template() {
    let folder = folder(&[
        ("confirm_email.subject.txt", "{{ product }}: {{ code }}\n"),
        ("frame.html", "<html lang=\"de\">{% block letter %}{% endblock %}</html>"),
        (".DS_Store", "\u{0}"),
    ]);
    let templates = Templates::load(house(), Some(folder.path())).map_err(|mistakes| mistakes.join("\n")).unwrap();
    let written = templates.write(&sample(LetterKind::ConfirmEmail), "ann@example.com").unwrap();
    assert_eq!(written.subject, "Harbour & Sons: 123456");
    assert!(written.html.starts_with("<html lang=\"de\">"));
    assert!(written.text.starts_with("Your confirmation code for Harbour & Sons:"));
}

#[test]
fn all_mistakes_are_told_at_once_with_file_and_line() {
    let found = mistakes(&[
        ("confirm_email.txt", "one\ntwo {{ code }\n"),
        ("reset_password.html", "<p>\n<b>{{ cod }}</b>"),
        ("password_changed.txt", "{{ code }}"),
        ("account_deleted.subject.txt", "two\nlines"),
        ("confirm_mail.txt", ""),
        ("already_registered.html", "{% extends 'frames.html' %}"),
    ]);
    let starts = [
        "account_deleted.subject.txt: the subject is more than one line",
        "already_registered.html:1: template not found",
        "confirm_email.txt:2: syntax error",
        "confirm_mail.txt is no template; the nearest is confirm_email.txt",
        "password_changed.txt:1: undefined value",
        "reset_password.html:2: undefined value",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (mistake, start) in found.iter().zip(starts) {
        assert!(mistake.starts_with(start), "{mistake}");
    }
    assert!(found[5].ends_with("(known here: product, recipient, public_url, frontend_url, code, minutes, subject)"));
}

#[test]
fn a_faulty_frame_is_told_once() {
    assert_eq!(mistakes(&[("frame.html", "{{ oops }}")]).len(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    let missing = Path::new("/nowhere/templates");
    let told = Templates::load(house(), Some(missing)).err().unwrap();
    assert!(told[0].starts_with("/nowhere/templates cannot be read"), "{told:?}");
}

#[test]
fn exported_templates_say_the_same_and_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("mail");
    export(&inner).unwrap();
    assert_eq!(fs::read_dir(&inner).unwrap().count(), BUILT_IN.len());
    assert!(Templates::load(house(), Some(&inner)).is_ok());

    fs::remove_file(inner.join("frame.html")).unwrap();
    assert!(matches!(export(&inner), Err(ExportError::Exists(_))));
    assert!(!inner.join("frame.html").exists());
}
