//! `doorward config …`, and gathering what a configuration is made of: the one place that reads the environment for it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::aws;
use crate::config::{self, Config, Document, Flag, Sources};
use crate::secrets::Vault;

/// Read from the working directory where no `--config` names another.
const DEFAULT_FILE: &str = "doorward.toml";
const DOTENV: &str = ".env";
/// The flags of [`ConfigArgs`].
const FLAGS: [&str; 3] = ["--config", "--listen", "--set"];
/// Keeps these flags apart from each command's own in its help.
const HEADING: &str = "Configuration";

/// Flags of every command that needs the configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: doorward.toml, if there is one]
    #[arg(long, global = true, value_name = "PATH", help_heading = HEADING)]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on; may be repeated
    #[arg(long, global = true, value_name = "ADDRESS", help_heading = HEADING)]
    pub(crate) listen: Vec<String>,
    /// Any setting, as KEY=VALUE; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment, help_heading = HEADING)]
    pub(crate) set: Vec<(String, String)>,
}

/// What to do with the configuration.
#[derive(Subcommand, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigCommand {
    /// Show every setting, its value and where it comes from; secrets are hidden
    Show,
    /// Check the configuration and report every mistake
    Check,
    /// Print the JSON schema of doorward.toml
    Schema,
    /// Print the reference of all settings
    Reference,
}

/// A command line with the flags of [`ConfigArgs`] before everything else, in their order: of those on both sides of a
/// subcommand the parser would forget the ones before it.
pub(crate) fn flags_first(line: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = line.into_iter();
    let mut first: Vec<_> = words.next().into_iter().collect();
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.push(word);
            break;
        }
        let is_flag = FLAGS.iter().any(|flag| word == *flag);
        let has_value =
            word.to_str().is_some_and(|word| FLAGS.iter().any(|flag| word.starts_with(&format!("{flag}="))));
        match is_flag {
            true => first.extend([word].into_iter().chain(words.next())),
            false if has_value => first.push(word),
            false => rest.push(word),
        }
    }
    first.into_iter().chain(rest).chain(words).collect()
}

/// `key=value` taken apart.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// Reads the file, `.env` and the environment, and takes the flags along.
pub(crate) fn gather(args: &ConfigArgs) -> anyhow::Result<Sources> {
    let file = match &args.config {
        Some(path) => Some(read(path)?.with_context(|| format!("there is no configuration file {}", path.display()))?),
        None => read(Path::new(DEFAULT_FILE))?,
    };
    // Lossy: an odd byte in a variable of ours then fails its check, and in any other it does not matter.
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let env = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    let (dotenv, flags) = (read(Path::new(DOTENV))?, flags(args));
    Ok(Sources { file, dotenv, env, flags, vault: Vault::default(), with_aws: aws::BUILT_IN })
}

/// Reads the secrets that are kept elsewhere.
pub(super) async fn open_vault(sources: &mut Sources) {
    let access = config::secrets_access(sources);
    sources.vault = Vault::open(&access).await;
}

fn flags(args: &ConfigArgs) -> Vec<Flag> {
    let listen = (!args.listen.is_empty()).then(|| Flag {
        name: "--listen".to_owned(),
        key: "server.listen".to_owned(),
        value: args.listen.join(","),
    });
    let set =
        |(key, value): &(String, String)| Flag { name: format!("--set {key}"), key: key.clone(), value: value.clone() };
    args.set.iter().map(set).chain(listen).collect()
}

/// The file's text, if it is there.
fn read(path: &Path) -> anyhow::Result<Option<Document>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Document { path: path.to_owned(), text })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Runs `doorward config …`.
pub(crate) fn run(command: ConfigCommand, sources: &Sources, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show => config::show(sources, out)??,
        ConfigCommand::Check => report(&config::load(sources)?, out)?,
        ConfigCommand::Schema => out.write_all(config::schema().as_bytes())?,
        ConfigCommand::Reference => out.write_all(config::reference().as_bytes())?,
    }
    Ok(())
}

fn report(config: &Config, out: &mut impl Write) -> io::Result<()> {
    for notice in &config.notices {
        writeln!(out, "note: {notice}")?;
    }
    writeln!(out, "the configuration is sound ({})", config.environment.as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: ConfigCommand,
    }

    fn flagged(arguments: &[&str]) -> Sources {
        let line = [&["doorward"], arguments].concat().into_iter().map(OsString::from);
        let cli = Cli::try_parse_from(flags_first(line)).unwrap();
        assert_eq!(cli.command, ConfigCommand::Check);
        Sources { flags: flags(&cli.config), ..Sources::default() }
    }

    fn output(command: ConfigCommand, sources: &Sources) -> String {
        let mut out = Vec::new();
        run(command, sources, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn flags_are_settings() {
        let sources = flagged(&["check", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--set", "log.level=debug"]);
        let shown = output(ConfigCommand::Show, &sources);
        assert!(shown.contains("server.listen = [\"127.0.0.1:1\", \"[::1]:2\"]"), "{shown}");
        let line = shown.lines().find(|line| line.starts_with("log.level")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["log.level", "=", "\"debug\"", "#", "--set", "log.level"]
        );
    }

    #[test]
    fn flags_count_on_both_sides_of_a_command_in_their_order() {
        let line =
            ["--set", "log.level=debug", "--listen=127.0.0.1:1", "check", "--set=log.level=warn", "--set", "a=b"];
        let flags = flagged(&line).flags;
        let said: Vec<_> = flags.iter().map(|flag| (flag.key.as_str(), flag.value.as_str())).collect();
        let listen = ("server.listen", "127.0.0.1:1");
        assert_eq!(said, [("log.level", "debug"), ("log.level", "warn"), ("a", "b"), listen]);
    }

    #[test]
    fn what_is_no_flag_of_ours_stays_where_it_is() {
        let line = ["doorward", "user", "--settle", "--set", "a=b", "list", "--", "--set", "c=d"];
        let said = flags_first(line.map(OsString::from));
        assert_eq!(said, ["doorward", "--set", "a=b", "user", "--settle", "list", "--", "--set", "c=d"]);
    }

    #[test]
    fn a_flag_without_a_value_is_refused() {
        for line in [&["doorward", "check", "--set", "log.level"][..], &["doorward", "check", "--set"]] {
            assert!(Cli::try_parse_from(flags_first(line.iter().map(OsString::from))).is_err());
        }
    }

    #[test]
    fn a_sound_configuration_is_said_to_be_sound() {
        assert_eq!(output(ConfigCommand::Check, &Sources::default()), "the configuration is sound (development)\n");
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let args = ConfigArgs { config: Some("no/such.toml".into()), ..ConfigArgs::default() };
        assert_eq!(gather(&args).err().unwrap().to_string(), "there is no configuration file no/such.toml");
    }
}
