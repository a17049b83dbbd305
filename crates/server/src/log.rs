//! The log: lines of JSON for machines, or readable ones for people, on standard output.
//!
//! Lines are collected and written together, at the latest a tenth of a second after they were made: a write for
//! each line of a busy proxy would cost more than the line. What is worse than information is written at once.

mod access;
mod json_line;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};
pub(crate) use access::AccessLog;
use json_line::JsonLine;

/// Collected lines are written when they come to this many bytes, at the latest.
const FULL: usize = 16 * 1024;
/// How long a line may wait.
const DELAY: Duration = Duration::from_millis(100);

/// Begins to log. Answers the log of requests, and a guard that writes what is left when it is dropped.
pub(crate) fn start(log: Log) -> io::Result<(AccessLog, Flusher)> {
    let level = log.level.as_str();
    let lines = Lines(Arc::new(Mutex::new(Vec::with_capacity(2 * FULL))));
    let access = AccessLog { lines: lines.clone(), format: log.format, level: log.level.into() };
    let flusher = Flusher(lines.clone());
    let waiting = lines.clone();
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(DELAY);
            waiting.flush();
        }
    })?;
    // Libraries speak when something is wrong; Doorward at the level asked for.
    let filter = EnvFilter::new(format!("warn,doorward={level},access={level}"));
    let filter = ["identity", "store", "web", "gateway", "federation", "protocol"]
        .iter()
        .filter_map(|name| format!("doorward_{name}={level}").parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match log.format {
        LogFormat::Json => subscriber.event_format(JsonLine).init(),
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).init(),
    }
    Ok((access, flusher))
}

/// The lines that wait.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn flush(&self) {
        write_out(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn add(&self, line: &[u8], urgent: bool) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend_from_slice(line);
        if urgent || waiting.len() >= FULL {
            write_out(&mut waiting);
        }
    }
}

/// Writes what is left when it is dropped.
pub(crate) struct Flusher(Lines);

impl Flusher {
    /// Writes what waits.
    #[cfg(feature = "lambda")]
    pub(crate) fn flush(&self) {
        self.0.flush();
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// One line on its way.
struct Line<'l> {
    lines: &'l Lines,
    urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.add(bytes, self.urgent);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Line<'l>;

    fn make_writer(&'l self) -> Self::Writer {
        Line { lines: self, urgent: true }
    }

    fn make_writer_for(&'l self, metadata: &Metadata<'_>) -> Self::Writer {
        Line { lines: self, urgent: *metadata.level() <= Level::WARN }
    }
}

/// A log that cannot be written (a closed pipe, a full disk) is no reason to stop serving.
fn write_out(waiting: &mut Vec<u8>) {
    if !waiting.is_empty() {
        let mut out = io::stdout().lock();
        let _ = out.write_all(waiting);
        let _ = out.flush();
        waiting.clear();
    }
}
