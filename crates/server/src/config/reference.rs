//! The reference of all settings, as Markdown. Made of the tables, so that it cannot be out of date.

use std::fmt::Write as _;

use super::aliases::OLD_NAMES;
use super::checks::{CHECKS, When};
use super::settings::{self, Fallback, Setting};

const OPENING: &str = "\
# Configuration

Doorward starts without any of this: everything has a default for a developer's machine.

Settings come from `doorward.toml` (`--config PATH`, or in the working directory), then from the environment, then from
flags; the later one wins.

- In the environment a setting is `DOORWARD__` and its key path in capitals, with two underscores between levels:
  `server.listen` is `DOORWARD__SERVER__LISTEN`, `routes[0].path` is `DOORWARD__ROUTES__0__PATH`. Lists are comma separated.
- A `.env` file in the working directory counts as environment; a real variable beats it. `${NAME}` is replaced, any other
  `$` stays.
- As flags: `--listen ADDRESS`, and `--set KEY=VALUE` for every setting.
- The [old names](#old-names) of the systems that Doorward replaces are read as they are. Two variables that say different
  things of one setting stop the start.
- Times are written `500ms`, `10s`, `15m`, `1h`, `7d`; sizes `512B`, `16KiB`, `10MiB`, `1GiB`.
- A *secret* may be a [reference](secrets.md) instead: `file:///run/secrets/name`, `env:NAME`, `aws-sm://name#key`.
- An unknown setting is a mistake, and all mistakes are reported at once. `doorward config check` only checks;
  `doorward config show` tells each value and where it comes from, without secrets.

This page is written by `doorward config reference`, and [doorward.schema.json](doorward.schema.json) for editors by
`doorward config schema`.
";

/// The reference.
pub(crate) fn reference() -> String {
    let mut out = OPENING.to_owned();
    let mut section = None;
    for setting in settings::all() {
        let next = heading(setting.key);
        if section != Some(next) {
            section = Some(next);
            let heading = if next.is_empty() { "General".to_owned() } else { format!("`{next}`") };
            write(&mut out, format_args!("\n## {heading}\n\n| key | value | default | |\n| --- | --- | --- | --- |\n"));
        }
        write(&mut out, format_args!("{}\n", row(setting)));
    }
    old_names(&mut out);
    refusals(&mut out);
    out
}

/// The part of the key that a table is made for.
fn heading(key: &str) -> &str {
    match key.split_once('.') {
        None => "",
        Some(("server", rest)) if rest.starts_with("limits.") => "server.limits",
        Some(("surfaces" | "seed", rest)) => &key[..key.len() - rest.len() + rest.find('.').unwrap_or(rest.len())],
        Some((section, _)) => section,
    }
}

fn row(setting: &Setting) -> String {
    let list = if setting.many { "list: " } else { "" };
    let secret = if setting.may_refer() { ", *secret*" } else { "" };
    let default = match setting.default {
        Fallback::Fixed("") if setting.many => "none".to_owned(),
        Fallback::Fixed(text) => format!("`{text}`"),
        Fallback::Derived(words) => words.to_owned(),
        Fallback::Off => "none".to_owned(),
        Fallback::Required => "*required*".to_owned(),
    };
    format!("| `{}` | {list}{}{secret} | {default} | {} |", setting.key, setting.kind.words(), setting.doc)
}

fn old_names(out: &mut String) {
    out.push_str("\n## Old names\n\nRead from the environment and `.env`; empty ones are taken as not set.\n\n| name | sets |\n| --- | --- |\n");
    for old in OLD_NAMES {
        let sets: Vec<_> = old.sets.iter().map(|(key, _)| format!("`{}`", super::mistake::bracketed(key))).collect();
        write(out, format_args!("| `{}` | {} |\n", old.name, sets.join(", ")));
    }
    out.push_str(
        "\n`COGNITO_USER_POOL_ID` with `COGNITO_CLIENT_ID` also sets `user_pool.kind` to `cognito`, and where `COGNITO_DOMAIN`, \
         `REDIRECT_URI` or `ALGORITHM` is set the pool is the first provider. `DATABASE_URL` may have SQLAlchemy's driver suffixes \
         (`postgresql+asyncpg://`, `sqlite+aiosqlite:///`), and as there `sqlite:///x.db` is relative, `sqlite:////x.db` absolute.\n",
    );
}

fn refusals(out: &mut String) {
    for (when, title) in [(When::Always, "Refused everywhere"), (When::Protecting, "Refused in staging and production")]
    {
        write(out, format_args!("\n## {title}\n\n"));
        for check in CHECKS.iter().filter(|check| check.when == when) {
            write(out, format_args!("- {}\n", check.refuses));
        }
        if when == When::Always {
            out.push_str("- a wildcard or `null` among `server.cors_origins`\n");
        }
    }
}

/// Writing to a `String` cannot fail.
fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
