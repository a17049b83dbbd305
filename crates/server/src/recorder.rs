//! What becomes of every answered request: it is counted and logged.

use std::sync::Arc;

use doorward_web::{AccessLine, RequestObserver};

use crate::log::AccessLog;
use crate::metrics::Metrics;

/// Counts and logs requests.
pub(crate) struct Recorder {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: AccessLog,
}

impl RequestObserver for Recorder {
    fn request(&self, line: &AccessLine<'_>) {
        self.access_log.write(line);
        self.metrics.answered(line.route, line.known_method(), line.status, line.elapsed);
    }
}
