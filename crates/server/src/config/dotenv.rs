//! The `.env` file, read the way the old systems' loader read it: `export`, quotes, comments, `${NAME}`.
//!
//! A `$` that is no `${NAME}` stays as it is, so that a password with one is not silently changed; and
//! expansion sees the given environment, not the process's.

use super::mistake::Mistake;
use super::sources::Document;

/// A variable of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// The variables of `document`; `env` comes first when `${NAME}` is looked up.
pub(super) fn variables(document: &Document, env: &[(String, String)]) -> (Vec<Variable>, Vec<Mistake>) {
    let mut variables: Vec<Variable> = Vec::new();
    let mut mistakes = Vec::new();
    let mut rest = document.text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let line =
            1 + document.text.bytes().take(document.text.len() - rest.len()).filter(|byte| *byte == b'\n').count();
        let (assignment, after) = match assignment(rest) {
            Some(read) => read,
            None => (Err(()), rest.split_once('\n').map_or("", |(_, after)| after)),
        };
        rest = after;
        match assignment {
            Ok(None) => {}
            Ok(Some((name, raw))) => {
                let value = if raw.literal { raw.text } else { expanded(&raw.text, env, &variables) };
                variables.retain(|variable| variable.name != name);
                variables.push(Variable { name: name.to_owned(), value, line });
            }
            // The line is not quoted: it may hold a secret.
            Err(()) => mistakes.push(
                Mistake::in_file(&document.path, line, "is not NAME=value")
                    .hint("quotes must be closed; a comment begins with #"),
            ),
        }
    }
    (variables, mistakes)
}

struct Raw {
    text: String,
    /// Single quotes: nothing is expanded.
    literal: bool,
}

type Assignment<'t> = (Result<Option<(&'t str, Raw)>, ()>, &'t str);

/// The assignment (or blank line, or comment) at the beginning of `text`, and what follows its line.
fn assignment(text: &str) -> Option<Assignment<'_>> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Some((Ok(None), after));
    }
    let (name, _) = line.split_once('=')?;
    let value = text[name.len() + 1..].trim_start_matches([' ', '\t']);
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim_start();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'-';
    if name.is_empty() || !name.bytes().all(valid) {
        return None;
    }
    let (raw, after) = match value.as_bytes().first() {
        Some(b'\'') => quoted(value, '\'')?,
        Some(b'"') => quoted(value, '"')?,
        _ => bare(value),
    };
    Some((Ok(Some((name, raw))), after))
}

/// Everything to the end of the line or to a comment.
fn bare(value: &str) -> (Raw, &str) {
    let (line, after) = value.split_once('\n').unwrap_or((value, ""));
    let comment = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
    let text = comment.map_or(line, |at| &line[..at]).trim().to_owned();
    (Raw { text, literal: false }, after)
}

/// A quoted value, over several lines if need be; after it only a comment may stand.
fn quoted(value: &str, quote: char) -> Option<(Raw, &str)> {
    let mut text = String::new();
    let mut chars = value.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                let (tail, after) = value[at + 1..].split_once('\n').unwrap_or((&value[at + 1..], ""));
                let tail = tail.trim();
                let closed = tail.is_empty() || tail.starts_with('#');
                return closed.then_some((Raw { text, literal: quote == '\'' }, after));
            }
            '\\' => match (quote, chars.next()?.1) {
                ('"', 'n') => text.push('\n'),
                ('"', 'r') => text.push('\r'),
                ('"', 't') => text.push('\t'),
                (_, escaped) if escaped == quote || escaped == '\\' => text.push(escaped),
                (_, other) => text.extend(['\\', other]),
            },
            c => text.push(c),
        }
    }
    None
}

/// `${NAME}` and `${NAME:-default}` replaced.
fn expanded(text: &str, env: &[(String, String)], before: &[Variable]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("${") {
        let Some((inner, after)) = tail.split_once('}') else { break };
        let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
        let given = env.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let given = given
            .or_else(|| before.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_str()));
        out.extend([head, given.unwrap_or(default)]);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, String, usize)>, Vec<String>) {
        let env = [("HOME".to_owned(), "/root".to_owned())];
        let (variables, mistakes) = variables(&Document { path: ".env".into(), text: text.to_owned() }, &env);
        let variables = variables.into_iter().map(|variable| (variable.name, variable.value, variable.line)).collect();
        (variables, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_read_as_their_writers_meant_them() {
        for (line, value) in [
            ("A=b", "b"),
            ("export A = b ", "b"),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=", ""),
            ("A=# nothing", ""),
            ("A='b # ${HOME}' # comment", "b # ${HOME}"),
            (r#"A="b \"c\"\n\d""#, "b \"c\"\n\\d"),
            ("A=\"b\nc\"", "b\nc"),
            ("A=pa$$word$HOME", "pa$$word$HOME"),
            ("A=${HOME}/x${NONE}${NONE:-y}", "/root/xy"),
            ("A=${HOME", "${HOME"),
            ("A=b\r", "b"),
            ("A=postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
        ] {
            assert_eq!(read(line), (vec![("A".to_owned(), value.to_owned(), 1)], vec![]), "{line}");
        }
    }

    #[test]
    fn lines_count_and_the_last_of_a_name_wins() {
        let (variables, _) = read("\u{feff}# x\r\n\r\nA=\"1\n2\"\nB=${A}\nA=3\n");
        assert_eq!(variables, [("B".to_owned(), "1\n2".to_owned(), 5), ("A".to_owned(), "3".to_owned(), 6)]);
    }

    #[test]
    fn what_is_no_assignment_is_named_and_not_quoted() {
        let (variables, mistakes) = read("hunter2\nA='hunter2\nB=1\n");
        assert_eq!(variables, [("B".to_owned(), "1".to_owned(), 3)]);
        assert_eq!(mistakes.len(), 2);
        assert!(mistakes[1].starts_with(".env:2: is not NAME=value"), "{mistakes:?}");
        assert!(!mistakes.join("").contains("hunter2"));
    }
}
