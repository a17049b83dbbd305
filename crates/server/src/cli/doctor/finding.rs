//! What a check found, and how findings are printed. Knows no check.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Good,
    Bad,
    /// There was nothing to look at, or nothing that matters here.
    Skipped,
}

impl Verdict {
    const fn mark(self) -> char {
        match self {
            Self::Good => '✔',
            Self::Bad => '✖',
            Self::Skipped => '–',
        }
    }
}

impl Finding {
    pub(super) fn good(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Good, what: what.into(), remedy: None }
    }

    pub(super) fn bad(name: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Bad, what: what.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn skipped(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Skipped, what: what.into(), remedy: None }
    }
}

/// For people: a line a finding, its remedy below it.
pub(super) fn print(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{} {}: {}", finding.verdict.mark(), finding.name, finding.what)?;
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "    → {remedy}")?;
        }
    }
    match count(findings, Verdict::Bad) {
        0 => writeln!(out, "\nAll is well."),
        1 => writeln!(out, "\nOne thing needs attention."),
        bad => writeln!(out, "\n{bad} things need attention."),
    }
}

/// For programs.
pub(super) fn print_json(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let report = json!({ "ok": count(findings, Verdict::Bad) == 0, "findings": findings });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|finding| finding.verdict == verdict).count()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn findings() -> [Finding; 3] {
        [
            Finding::good("store", "reached"),
            Finding::bad("clock", "90 s ahead", "turn on time synchronisation"),
            Finding::skipped("upstreams", "no routes"),
        ]
    }

    #[test]
    fn people_read_marks_and_remedies() {
        let mut out = Vec::new();
        print(&findings(), &mut out).unwrap();
        let expected = "✔ store: reached\n✖ clock: 90 s ahead\n    → turn on time synchronisation\n\
                        – upstreams: no routes\n\nOne thing needs attention.\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn programs_read_the_same() {
        let mut out = Vec::new();
        print_json(&findings(), &mut out).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["ok"], false);
        let clock =
            json!({"name": "clock", "verdict": "bad", "what": "90 s ahead", "remedy": "turn on time synchronisation"});
        assert_eq!(read["findings"][1], clock);
        assert_eq!(read["findings"][2], json!({"name": "upstreams", "verdict": "skipped", "what": "no routes"}));
    }
}
