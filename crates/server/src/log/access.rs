//! The access log: one line for one request.
//!
//! As JSON it is written by hand into the lines that wait: at a proxy's pace, an event with a dozen fields costs more
//! than finding out who calls. Readable lines go the way of every other event.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use doorward_protocol::address_text;
use doorward_web::AccessLine;
use jiff::Timestamp;
use tracing::Level;

use super::Lines;
use super::json_line::Escaping;
use crate::config::LogFormat;

/// Longest line that a thread keeps room for.
const ROOM: usize = 2 * 1024;

/// Where the lines go.
#[derive(Clone)]
pub(crate) struct AccessLog {
    pub(super) lines: Lines,
    pub(super) format: LogFormat,
    /// Lines that matter less are not written.
    pub(super) level: Level,
}

/// What a thread writes its lines with.
struct Desk {
    line: String,
    /// A second since 1970, and how its date and time are written.
    second: i64,
    written: String,
}

thread_local! {
    static DESK: RefCell<Desk> =
        const { RefCell::new(Desk { line: String::new(), second: i64::MIN, written: String::new() }) };
}

impl AccessLog {
    /// Writes a line.
    #[expect(clippy::disallowed_methods, reason = "a line is dated by the machine it is written on")]
    pub(crate) fn write(&self, line: &AccessLine<'_>) {
        let level = match line.status {
            500 => Level::ERROR,
            501.. => Level::WARN,
            _ => Level::INFO,
        };
        if level > self.level {
            return;
        }
        match self.format {
            LogFormat::Json => self.write_json(line, level, Timestamp::now()),
            LogFormat::Text => write_text(line, level),
        }
    }

    fn write_json(&self, line: &AccessLine<'_>, level: Level, at: Timestamp) {
        DESK.with_borrow_mut(|desk| {
            desk.line.clear();
            // A string takes whatever is written to it.
            if desk.write(line, level, at).is_ok() {
                self.lines.add(desk.line.as_bytes(), level <= Level::WARN);
            }
            desk.line.shrink_to(ROOM);
        });
    }
}

impl Desk {
    fn write(&mut self, line: &AccessLine<'_>, level: Level, at: Timestamp) -> fmt::Result {
        if self.second != at.as_second() {
            self.second = at.as_second();
            self.written.clear();
            write!(self.written, "{}", at.strftime("%Y-%m-%dT%H:%M:%S"))?;
        }
        let out = &mut self.line;
        out.extend(["{\"timestamp\":\"", &self.written, "."]);
        thousandths(out, at.subsec_millisecond().unsigned_abs().into());
        out.extend(["Z\",\"level\":\"", level.as_str(), "\",\"message\":\"request\""]);
        text(out, "method", line.method.as_str())?;
        text(out, "path", &line.path)?;
        let micros = u64::try_from(line.elapsed.as_micros()).unwrap_or(u64::MAX);
        number(out, "status", line.status.into());
        number(out, "duration_ms", micros / 1000);
        out.push('.');
        thousandths(out, micros % 1000);
        if let Some(bytes) = line.bytes {
            number(out, "bytes", bytes);
        }
        out.push_str(",\"client\":\"");
        address_text::push(out, line.client);
        out.push('"');
        text(out, "request_id", line.request_id)?;
        text(out, "route", line.route)?;
        for (name, value) in [("rule", line.rule), ("upstream", line.upstream)] {
            value.map_or(Ok(()), |value| text(out, name, value))?;
        }
        out.push_str(",\"target\":\"access\"}\n");
        Ok(())
    }
}

/// A member whose value may hold anything.
fn text(out: &mut String, name: &str, value: &str) -> fmt::Result {
    out.extend([",\"", name, "\":\""]);
    Escaping(out).write_str(value)?;
    out.push('"');
    Ok(())
}

/// A member whose value is a whole number.
fn number(out: &mut String, name: &str, value: u64) {
    out.extend([",\"", name, "\":", itoa::Buffer::new().format(value)]);
}

/// Three digits.
fn thousandths(out: &mut String, value: u64) {
    out.push_str(if value < 10 {
        "00"
    } else if value < 100 {
        "0"
    } else {
        ""
    });
    out.push_str(itoa::Buffer::new().format(value));
}

fn write_text(line: &AccessLine<'_>, level: Level) {
    let AccessLine { method, path, status, bytes, client, request_id, route, rule, upstream, .. } = line;
    let duration_ms = line.elapsed.as_secs_f64() * 1000.0;
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: "access",
                %method, path = &**path, status, duration_ms, bytes, %client, request_id, route, rule, upstream, "request"
            )
        };
    }
    match level {
        Level::ERROR => event!(error),
        Level::WARN => event!(warn),
        _ => event!(info),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use http::Method;

    use super::*;

    fn line(path: &str) -> AccessLine<'_> {
        AccessLine {
            method: &Method::GET,
            path: path.into(),
            status: 200,
            elapsed: Duration::from_micros(1_234_005),
            bytes: Some(7),
            client: [127, 0, 0, 1].into(),
            request_id: "id-1",
            route: "files",
            rule: Some("role \"admin\""),
            upstream: None,
        }
    }

    fn written(line: &AccessLine<'_>, level: Level) -> Option<serde_json::Value> {
        let log = AccessLog { lines: Lines::default(), format: LogFormat::Json, level };
        log.write(line);
        let waiting = log.lines.0.lock().unwrap();
        assert_eq!(memchr::memchr_iter(b'\n', &waiting).count(), usize::from(!waiting.is_empty()));
        if waiting.is_empty() { None } else { Some(serde_json::from_slice(&waiting).unwrap()) }
    }

    #[test]
    fn a_line_is_one_object_with_what_is_known() {
        let written = written(&line("/a"), Level::INFO).unwrap();
        assert_eq!(
            (&written["level"], &written["message"], &written["target"]),
            (&"INFO".into(), &"request".into(), &"access".into())
        );
        assert_eq!(
            (&written["method"], &written["path"], &written["status"]),
            (&"GET".into(), &"/a".into(), &200.into())
        );
        assert_eq!((&written["duration_ms"], &written["bytes"]), (&1234.005.into(), &7.into()));
        assert_eq!((&written["client"], &written["request_id"]), (&"127.0.0.1".into(), &"id-1".into()));
        assert_eq!((&written["route"], &written["rule"]), (&"files".into(), &"role \"admin\"".into()));
        assert!(written.get("upstream").is_none());
        assert!(written["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{}", written["timestamp"]);
    }

    #[test]
    fn nothing_in_a_path_leaves_its_string() {
        for hostile in ["/\"", "/\\", "/\r\n{\"level\":\"ERROR\"}", "/\u{1b}[31m", "/\u{2028}\u{202e}"] {
            assert_eq!(written(&line(hostile), Level::INFO).unwrap()["path"], hostile);
        }
    }

    #[test]
    fn what_matters_less_than_the_level_is_not_written() {
        assert!(written(&line("/a"), Level::WARN).is_none());
        assert!(written(&line("/a"), Level::DEBUG).is_some());
        assert!(written(&AccessLine { status: 503, ..line("/a") }, Level::ERROR).is_none());
    }
}
