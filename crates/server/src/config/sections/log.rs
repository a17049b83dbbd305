//! What is logged and how it looks.

use super::super::mistake::Mistake;
use super::super::values::Values;
use super::choice::choice;

choice! {
    /// The least that is logged.
    LogLevel {
        /// Everything.
        Trace = "trace",
        /// For who looks for a fault.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What somebody should look at.
        Warn = "warn",
        /// What failed.
        Error = "error",
    }
}

impl LogLevel {
    /// The name that log filters take.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace => Self::TRACE,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}

choice! {
    /// How a line looks.
    LogFormat {
        /// One JSON object a line.
        Json = "json",
        /// For people.
        Text = "text",
    }
}

/// Logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    /// The least that is logged.
    pub(crate) level: LogLevel,
    /// How a line looks.
    pub(crate) format: LogFormat,
}

impl Log {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self { level: values.one("log.level")?, format: values.one("log.format")? })
    }
}
