//! How far a long command is, on standard error: a bar on a terminal, a line every few seconds elsewhere. Knows no
//! command.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where nobody looks on.
const EVERY: Duration = Duration::from_secs(5);
const BAR: &str = "{prefix} [{bar:30}] {percent:>3} %  {human_pos} of {human_len}  {per_sec}  {eta} left  {msg}";

/// What has come so far.
pub(super) struct Progress {
    form: Form,
    stage: &'static str,
}

enum Form {
    Bar(ProgressBar),
    Lines {
        begun: Instant,
        /// What was done when this stage began: of a command that goes on, not nothing.
        from: u64,
        told: Instant,
    },
}

impl Progress {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let form = if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
            Form::Bar(ProgressBar::no_length().with_style(style.progress_chars("=> ")))
        } else {
            let now = Instant::now();
            Form::Lines { begun: now, from: 0, told: now }
        };
        Self { form, stage: "" }
    }

    /// So many of so many are done of a stage, and this is what is done now.
    pub(super) fn tell(&mut self, stage: &'static str, at: &str, done: u64, total: u64) {
        let is_new = self.stage != stage;
        self.stage = stage;
        match &mut self.form {
            Form::Bar(bar) => {
                bar.set_length(total.max(done));
                bar.set_position(done);
                bar.set_message(at.to_owned());
                if is_new {
                    bar.set_prefix(stage);
                    // What was done before is not what this takes.
                    bar.reset_eta();
                }
            }
            Form::Lines { begun, from, told } => {
                if is_new {
                    (*begun, *from) = (Instant::now(), done);
                } else if told.elapsed() < EVERY {
                    return;
                }
                *told = Instant::now();
                // Nobody may be reading.
                let _ = writeln!(io::stderr(), "{}", line(stage, at, [*from, done, total], begun.elapsed()));
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn end(self) {
        if let Form::Bar(bar) = self.form {
            bar.finish_and_clear();
        }
    }
}

/// `copying: 1500 of 6000 (25 %), 500 a second, 9 s left: users`
fn line(stage: &str, at: &str, [from, done, total]: [u64; 3], elapsed: Duration) -> String {
    let total = total.max(done);
    let percent = (done * 100).checked_div(total).unwrap_or(100);
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let rate = ((done - from.min(done)) * 1000).checked_div(millis).unwrap_or(0);
    let left = match (total - done).checked_div(rate) {
        Some(seconds) => format!(", {rate} a second, {seconds} s left"),
        None => String::new(),
    };
    format!("{stage}: {done} of {total} ({percent} %){left}: {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_fast_it_goes_and_how_long_it_takes() {
        let told = line("copying", "users", [500, 1500, 6000], Duration::from_secs(2));
        assert_eq!(told, "copying: 1500 of 6000 (25 %), 500 a second, 9 s left: users");
    }

    #[test]
    fn a_line_of_nothing_is_told_too() {
        assert_eq!(line("copying", "teams", [0, 0, 0], Duration::ZERO), "copying: 0 of 0 (100 %): teams");
        assert_eq!(line("copying", "teams", [7, 3, 9], Duration::ZERO), "copying: 3 of 9 (33 %): teams");
    }
}
