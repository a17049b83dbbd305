//! `doorward.toml` as leaves: one a value, each with its line. Knows no setting.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layers::{Leaf, Leaves, Typed, Written};
use super::mistake::Mistake;
use super::sources::{Document, Origin};

/// The leaves of `document`, or why it is no TOML.
pub(super) fn leaves(document: &Document) -> Result<Leaves, Mistake> {
    let text = document.text.trim_start_matches('\u{feff}');
    // The parser's full message would quote the line, and with it what may be a secret.
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Mistake::in_file(&document.path, line, format!("is not TOML: {}", error.message()))
    })?;
    let mut reading = Reading { document, text, leaves: Leaves::new() };
    reading.table("", table.get_ref());
    Ok(reading.leaves)
}

struct Reading<'d> {
    document: &'d Document,
    text: &'d str,
    leaves: Leaves,
}

impl Reading<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            // Line of the name: a table's value has none of its own.
            self.value(&key, value, line_of(self.text, name.span().start));
        }
    }

    fn value(&mut self, key: &str, value: &Spanned<DeValue<'_>>, line: usize) {
        match value.get_ref() {
            DeValue::Table(table) if !table.is_empty() => self.table(key, table),
            DeValue::Array(entries)
                if !entries.is_empty() && entries.iter().all(|entry| entry.get_ref().is_table()) =>
            {
                for (index, entry) in entries.iter().enumerate() {
                    self.value(&format!("{key}.{index}"), entry, line_of(self.text, entry.span().start));
                }
            }
            leaf => {
                let origin = Origin::File { path: self.document.path.clone(), line };
                self.leaves.insert(key.to_owned(), Leaf { written: Written::Typed(typed(leaf)), origin });
            }
        }
    }
}

fn typed(value: &DeValue<'_>) -> Typed {
    match value {
        DeValue::String(text) => Typed::String(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Typed::Other("a number beyond measure"), Typed::Integer),
        DeValue::Boolean(flag) => Typed::Boolean(*flag),
        DeValue::Array(entries) => Typed::List(entries.iter().map(|entry| typed(entry.get_ref())).collect()),
        DeValue::Table(_) => Typed::Table,
        DeValue::Float(_) => Typed::Other("a fraction"),
        DeValue::Datetime(_) => Typed::Other("a date"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn document(text: &str) -> Document {
        Document { path: "doorward.toml".into(), text: text.to_owned() }
    }

    #[test]
    fn every_value_knows_its_line() {
        let text =
            "a = 1\n[server]\nlisten = [\n  \"x\"]\n[[routes]]\nname = \"r\"\ninject = { json = \"id\" }\n[[routes]]\n";
        let leaves = leaves(&document(text)).unwrap();
        let lines: Vec<_> = leaves.iter().map(|(key, leaf)| format!("{key} {}", leaf.origin)).collect();
        assert_eq!(
            lines,
            [
                "a doorward.toml:1",
                "routes.0.inject.json doorward.toml:7",
                "routes.0.name doorward.toml:6",
                "routes.1 doorward.toml:8",
                "server.listen doorward.toml:3",
            ]
        );
    }

    #[test]
    fn a_broken_file_is_named_by_line_and_not_quoted() {
        let mistake = leaves(&document("[tokens]\nsecret = \"hunter2\nx = 1\n")).err().unwrap().to_string();
        assert!(mistake.starts_with("doorward.toml:2: is not TOML: "), "{mistake}");
        assert!(!mistake.contains("hunter2"), "{mistake}");
    }
}
