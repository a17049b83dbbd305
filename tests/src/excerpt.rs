//! What of a long text is shown when a test fails: few and short lines, so that the reason is not buried beneath them.

/// The widest line shown.
const WIDTH: usize = 240;

/// Each line of `text`, cut where it becomes too long to read.
pub fn short_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.char_indices().nth(WIDTH).map_or(line, |(end, _)| &line[..end]))
}

/// Of a log the last warnings and errors, and behind them its end.
pub fn of_log(log: &str) -> String {
    let is_warning = |line: &&str| [" WARN ", " ERROR ", "panicked"].iter().any(|mark| line.contains(mark));
    let warnings: Vec<_> = short_lines(log).filter(is_warning).collect();
    let lines: Vec<_> = short_lines(log).collect();
    format!("{}\n...\n{}", last(&warnings, 10), last(&lines, 20))
}

fn last(lines: &[&str], count: usize) -> String {
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_warnings_and_the_end_are_shown() {
        let access = "12:00  INFO access: request\n".repeat(1000);
        let long = "ä".repeat(10_000);
        let shown = of_log(&format!("12:00  WARN early\n{access}12:01 ERROR late {long}\n{access}12:02  INFO end\n"));
        assert!(shown.starts_with("12:00  WARN early\n12:01 ERROR late ää") && shown.ends_with("12:02  INFO end"));
        assert!(shown.lines().count() < 30 && shown.len() < 2000, "{shown}");
        assert_eq!(of_log(""), "\n...\n");
    }
}
