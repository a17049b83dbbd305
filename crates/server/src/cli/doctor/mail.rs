//! Mail: does a server take it, would others believe the sender, and does any lie about?

use doorward_identity::Clock;
use doorward_identity::mail::{MailCounts, PostError};
use jiff::SignedDuration;

use super::finding::Finding;
use crate::aws::Aws;
use crate::config::{Config, Mail, MailKind};
use crate::post;

/// Mail that waits for longer meets more than a server that is restarted.
const TOO_LONG: SignedDuration = SignedDuration::from_mins(15);
/// Domains that belong to nobody (RFC 2606, RFC 6761).
const NOBODYS: [&str; 6] = ["localhost", "example.com", "example.org", "example.net", "invalid", "test"];

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![server(config).await];
    findings.extend(sender(&config.mail));
    findings
}

async fn server(config: &Config) -> Finding {
    let office = match post::office(config, &Aws::load(config).await, None) {
        Ok(office) => office,
        Err(error) => return Finding::bad("mail", format!("{error:#}"), "correct the settings under mail"),
    };
    match office.probe().await {
        Ok(seen) => Finding::good("mail", seen),
        Err(PostError::Later(why) | PostError::Never(why)) => Finding::bad("mail", why, remedy(&config.mail.kind)),
    }
}

const fn remedy(kind: &MailKind) -> &'static str {
    match kind {
        MailKind::Log => "write mail.url as smtps://user:password@host:465 or ses://region",
        MailKind::Smtp => {
            "see that mail.url names the server, its port, and a user who may send; then `doorward mail test ADDRESS`"
        }
        MailKind::Ses { .. } => {
            "see that the key or role may send mail, in that region, and that SES knows the sender; then `doorward mail test ADDRESS`"
        }
    }
}

fn sender(mail: &Mail) -> Option<Finding> {
    let (_, domain) = mail.from.trim_end_matches('>').rsplit_once('@')?;
    let nobodys = |name: &&str| domain.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if mail.kind == MailKind::Log || !NOBODYS.iter().any(nobodys) {
        return None;
    }
    let what =
        format!("{} is at a domain of nobody's: mail from there counts as spam, if it is taken at all", mail.from);
    Some(Finding::bad(
        "mail.from",
        what,
        "name an address at your own domain, which its SPF and DKIM records speak for",
    ))
}

/// What the outbox holds.
pub(super) fn outbox(counts: &MailCounts, clock: &dyn Clock) -> Finding {
    let name = "outbox";
    let oldest = counts.oldest_waiting.map(|since| clock.now().duration_since(since)).unwrap_or_default();
    if counts.abandoned > 0 {
        let remedy =
            "`doorward mail list --state abandoned` says why; once that is mended, `doorward mail retry --all`";
        Finding::bad(name, format!("mails given up: {}", counts.abandoned), remedy)
    } else if oldest > TOO_LONG {
        let what = format!("mails waiting: {}, the oldest for {} minutes", counts.waiting, oldest.as_mins());
        Finding::bad(name, what, "see that the server runs; `doorward mail list` says what went wrong last")
    } else {
        Finding::good(name, format!("mails waiting: {}", counts.waiting))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use doorward_identity::clock::SystemClock;

    use super::super::finding::Verdict;
    use super::*;
    use crate::config::{Flag, Sources, load};

    fn configured(settings: &[(&str, &str)]) -> Config {
        let flag = |(key, value): &(&str, &str)| Flag {
            name: "test".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        load(&Sources { flags: settings.iter().map(flag).collect(), ..Sources::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_log_is_fine_in_development_and_no_mail_server_anywhere_else() {
        let found = examine(&configured(&[])).await;
        assert_eq!(found.iter().map(|finding| finding.verdict).collect::<Vec<_>>(), [Verdict::Good], "{found:?}");
        let found = examine(&configured(&[("environment", "staging")])).await;
        assert_eq!(found[0].verdict, Verdict::Bad, "{found:?}");
        assert!(found[0].remedy.as_ref().unwrap().contains("smtps://"), "{found:?}");
    }

    #[tokio::test]
    async fn a_server_that_nobody_reaches_is_bad_and_its_password_is_not_shown() {
        let found = examine(&configured(&[("mail.url", "smtps://ann:hunter2@127.0.0.1:1")])).await;
        assert_eq!(found.iter().map(|finding| finding.verdict).collect::<Vec<_>>(), [Verdict::Bad, Verdict::Bad]);
        assert!(found[0].remedy.as_ref().unwrap().contains("doorward mail test"), "{found:?}");
        assert!(found[1].what.contains("no-reply@localhost"), "{found:?}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }

    #[test]
    fn a_sender_needs_a_domain_of_ones_own() {
        let judged = |from| sender(&configured(&[("mail.url", "smtps://h"), ("mail.from", from)]).mail).is_some();
        assert!(judged("Us <us@mail.example.com>") && judged("us@acme.test"));
        assert!(!judged("us@acme.io") && !judged("us@myexample.com"));
    }

    #[test]
    fn mail_that_lies_about_is_told() {
        let now = SystemClock.now();
        let judged = |abandoned, minutes| {
            let oldest_waiting = Some(now - SignedDuration::from_mins(minutes));
            outbox(&MailCounts { waiting: 1, abandoned, expired: 3, oldest_waiting }, &SystemClock).verdict
        };
        assert_eq!([judged(0, 1), judged(0, 20), judged(2, 0)], [Verdict::Good, Verdict::Bad, Verdict::Bad]);
        assert_eq!(outbox(&MailCounts::default(), &SystemClock).verdict, Verdict::Good);
    }
}
