//! `doorward explain METHOD PATH [--as USER]`: what would become of a request, judged by the gateway's own functions.
//! Sends nothing.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use doorward_gateway::Explanation;
use doorward_identity::Clock as _;
use doorward_identity::clock::SystemClock;
use doorward_identity::policy::Admin;
use doorward_identity::session::{Caller, TokenRejection};
use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::user;
use crate::config::Config;
use crate::gateway::Services;
use crate::parts;

/// The request that is asked about.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The request's method.
    method: String,
    /// Its path, with the query if it has one.
    path: String,
    /// Whose request it is: e-mail address or id. Without, nobody's who is known.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// Explains. Exits with 1 unless a route lets the request pass.
pub(super) async fn run(config: &Config, arguments: ExplainArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let method = arguments.method.to_ascii_uppercase();
    let method: Method = method.parse().with_context(|| format!("{method:?} is no method"))?;
    let services = Services::of(config)?;
    let caller = match &arguments.user {
        Some(user) => Some(caller(config, user).await?),
        None => None,
    };
    let explanation = services.routes().explain(&method, &arguments.path, caller.as_ref(), SystemClock.now());
    let explanation = match &caller {
        Some(caller) if !caller.context.user.is_active() => refused_as_disabled(explanation),
        _ => explanation,
    };
    if arguments.json {
        print_json(&explanation, out)?;
    } else {
        writeln!(out, "{explanation}")?;
    }
    Ok(if explanation.passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The person as a caller who proved who they are when they last signed in.
async fn caller(config: &Config, user: &str) -> anyhow::Result<Caller> {
    let (identity, by) = (parts::open_identity(config).await?, Admin::command_line());
    let id = user::find(&identity, &by, user).await?;
    let context = identity.user_context(&by, id).await?.with_context(|| format!("there is no account {id}"))?;
    let authenticated_at = context.user.last_signin_at;
    Ok(Caller { context: Arc::new(context), session: None, expires_at: Timestamp::MAX, authenticated_at })
}

/// Tokens and cookies of disabled people count for nothing, which is found out before any route is looked at.
fn refused_as_disabled(explanation: Explanation) -> Explanation {
    Explanation {
        passes: false,
        because: format!("401: {}", TokenRejection::UserDisabled),
        upstream: Vec::new(),
        told: Vec::new(),
        ..explanation
    }
}

fn print_json(explanation: &Explanation, out: &mut impl Write) -> anyhow::Result<()> {
    let Explanation { route, required, passes, because, upstream, told } = explanation;
    let explanation = json!({
        "route": route,
        "required": required,
        "passes": passes,
        "because": because,
        "upstream": upstream,
        "told": told,
    });
    serde_json::to_writer_pretty(&mut *out, &explanation)?;
    Ok(writeln!(out)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use doorward_identity::user::{NewAccount, UserStatus};

    use super::*;
    use crate::config::{Document, Sources, load};

    const ROUTES: &str = "[[routes]]\nname = \"open\"\npath = \"/open/*\"\nupstream = \"http://a.internal/x\"\nrequire.public = true\n\
        [[routes]]\nname = \"ops\"\npath = \"/ops/*\"\nmethods = [\"GET\"]\nupstream = \"http://b.internal\"\n\
        require.roles = [\"ops\"]\ninject = { headers = true, json = \"user_id\" }\nrate = \"5/1m per user\"\n";

    fn config(folder: &tempfile::TempDir) -> Config {
        let store = format!("[store]\nurl = \"sqlite:{}/doorward.db\"\n", folder.path().display());
        let file =
            Document { path: "doorward.toml".into(), text: format!("{store}[password]\nbcrypt_cost = 4\n{ROUTES}") };
        load(&Sources { file: Some(file), ..Sources::default() }).unwrap()
    }

    async fn explained(config: &Config, method: &str, path: &str, user: Option<&str>) -> (bool, String) {
        let (method, path, user) = (method.to_owned(), path.to_owned(), user.map(str::to_owned));
        let mut out = Vec::new();
        let exit = run(config, ExplainArgs { method, path, user, json: false }, &mut out).await.unwrap();
        (exit == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn a_request_of_nobodys_is_explained_without_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        let (passes, text) = explained(&config, "get", "/open/a?b=c", None).await;
        assert!(passes && text.contains("http://a.internal/x/a?b=c"), "{text}");
        let (passes, text) = explained(&config, "GET", "/ops/x", None).await;
        assert!(!passes && text.contains("role: ops") && text.contains("401"), "{text}");
        let (passes, text) = explained(&config, "POST", "/ops/x", None).await;
        assert!(!passes && text.contains("405"), "{text}");
        let (passes, text) = explained(&config, "GET", "/elsewhere", None).await;
        assert!(!passes && text.contains("no route"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
    }

    #[tokio::test]
    async fn a_persons_request_is_judged_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        let by = Admin::command_line();
        let identity = parts::open_identity(&config).await.unwrap();
        for (email, roles) in [("ops@example.com", vec!["ops".parse().unwrap()]), ("ann@example.com", Vec::new())] {
            let account =
                NewAccount { email: email.to_owned(), password: None, name: None, roles, email_verified: true };
            identity.create_account(&by, account).await.unwrap();
        }
        let (passes, text) = explained(&config, "GET", "/ops/x", Some("ops@example.com")).await;
        assert!(
            passes && text.contains("x-user-email: ops@example.com") && text.contains("JSON member user_id"),
            "{text}"
        );
        let (passes, text) = explained(&config, "GET", "/ops/x", Some("ann@example.com")).await;
        assert!(!passes && text.contains("403") && !text.contains("x-user-"), "{text}");

        let ops = identity.user_by_email(&by, "ops@example.com").await.unwrap().unwrap();
        identity.set_user_status(&by, ops.id, UserStatus::Disabled).await.unwrap();
        let (passes, text) = explained(&config, "GET", "/ops/x", Some(&ops.id.to_string())).await;
        assert!(!passes && text.contains("401: User is disabled") && !text.contains("x-user-"), "{text}");
    }
}
