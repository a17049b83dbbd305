//! A log line as one JSON object: time, level, the event's own fields, target.
//!
//! The library's own JSON form costs a quarter of answering a request: it builds a serializer for each line and
//! checks every piece of it for UTF-8. This one writes text. It is read by a test against a JSON parser.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events as lines of JSON.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "a line is dated by the machine it is written on")]
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write_line(writer, Timestamp::now(), event)
    }
}

fn write_line(mut writer: Writer<'_>, at: Timestamp, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    write!(writer, "{{\"timestamp\":\"{at:.3}\",\"level\":\"{}\"", metadata.level())?;
    let mut fields = Fields { writer, outcome: Ok(()) };
    event.record(&mut fields);
    fields.outcome?;
    fields.text("target", metadata.target())?;
    fields.writer.write_str("}\n")
}

/// Writes fields as members of the object.
struct Fields<'w> {
    writer: Writer<'w>,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) -> fmt::Result {
        // Names are written in the source: letters, digits, `_` and `.`.
        self.writer.write_str(",\"")?;
        self.writer.write_str(name)?;
        self.writer.write_str("\":")
    }

    fn text(&mut self, name: &str, value: &str) -> fmt::Result {
        self.name(name)?;
        self.writer.write_char('"')?;
        Escaping(&mut self.writer).write_str(value)?;
        self.writer.write_char('"')
    }

    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.outcome = self.outcome.and_then(|()| {
            self.name(field.name())?;
            write!(self.writer, "{value}")
        });
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.outcome = self.outcome.and_then(|()| self.text(field.name(), value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.outcome = self.outcome.and_then(|()| {
            self.name(field.name())?;
            self.writer.write_char('"')?;
            write!(Escaping(&mut self.writer), "{value:?}")?;
            self.writer.write_char('"')
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not finite.
        if value.is_finite() {
            self.plain(field, value);
        } else {
            self.record_debug(field, &value);
        }
    }
}

/// Writes text as the inside of a JSON string. What could begin a line, steer a terminal or turn its direction is
/// escaped too, so that a line of the log is one line wherever it is shown.
pub(super) struct Escaping<'e, W>(pub(super) &'e mut W);

impl<W: fmt::Write> fmt::Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly always; a look at bytes is cheaper than one at characters.
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\') {
            return self.0.write_str(text);
        }
        let mut plain_from = 0;
        for (at, character) in text.char_indices().filter(|(_, character)| must_be_escaped(*character)) {
            self.0.write_str(&text[plain_from..at])?;
            match character {
                '"' => self.0.write_str("\\\"")?,
                '\\' => self.0.write_str("\\\\")?,
                // All of these lie in the first plane, so one unit is enough.
                other => write!(self.0, "\\u{:04x}", u32::from(other))?,
            }
            plain_from = at + character.len_utf8();
        }
        self.0.write_str(&text[plain_from..])
    }
}

fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') || character.is_control()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::{self, Seek as _};
    use std::sync::Arc;

    use super::*;

    /// What is logged while `log` runs.
    fn written(log: impl FnOnce()) -> String {
        let mut sink = tempfile::tempfile().unwrap();
        let writer = Arc::new(sink.try_clone().unwrap());
        let subscriber = tracing_subscriber::fmt().event_format(JsonLine).with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, log);
        sink.rewind().unwrap();
        io::read_to_string(sink).unwrap()
    }

    /// The same, read as JSON, each line an object.
    fn lines(log: impl FnOnce()) -> Vec<serde_json::Value> {
        let written = written(log);
        assert!(written.ends_with('\n'));
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_kind_of_field_is_a_member_of_its_kind() {
        let id = "1f";
        let lines = lines(|| {
            tracing::warn!(count = 3, minus = -3, ratio = 0.5, odd = f64::NAN, yes = true, user.id = %id, none = None::<u8>, "said");
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "said");
        assert_eq!((&line["count"], &line["minus"], &line["ratio"]), (&3.into(), &(-3).into(), &0.5.into()));
        assert_eq!((&line["odd"], &line["yes"], &line["user.id"]), (&"NaN".into(), &true.into(), &"1f".into()));
        assert!(line.get("none").is_none());
        assert_eq!(line["target"], module_path!());
        let at = line["timestamp"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.parse::<Timestamp>().is_ok(), "{at}");
    }

    #[test]
    fn no_text_leaves_its_line_or_its_string() {
        for hostile in [
            "\"",
            "\\",
            "\\\"",
            "\r\n{\"level\":\"ERROR\"}",
            "\u{1b}[31m",
            "\0",
            "\u{85}\u{9b}",
            "\u{2028}\u{202e}é\u{1f511}",
        ] {
            let written = lines(|| tracing::info!(text = hostile, shown = %hostile, "{hostile}"));
            assert_eq!(written.len(), 1, "{hostile:?}");
            for member in ["text", "shown", "message"] {
                assert_eq!(written[0][member], hostile, "{member} of {hostile:?}");
            }
        }
    }

    #[test]
    fn what_could_steer_a_terminal_is_not_written_raw() {
        let written = written(|| tracing::info!(text = "\u{1b}\u{9b}\u{202e}\u{2028}\r", "x"));
        assert!(!written.trim_end_matches('\n').contains(steers), "{written:?}");
    }

    fn steers(character: char) -> bool {
        character != '"' && character != '\\' && must_be_escaped(character)
    }
}
