//! Every row of the list of refusals: a configuration that it refuses, and the key it names.

mod rows;

use super::super::checks::{CHECKS, When};
use super::{Sources, refused, sources};
use crate::secrets::Vault;
use rows::{PROVIDERS, ROUTES, ROWS};

const SECRET: &str = "k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1";
const PROVIDER: &str = "[[providers]]\nissuer = \"https://p.example\"\nclient_id = \"c\"\n";
pub(super) const ROUTE: &str = "[[routes]]\nname = \"r\"\npath = \"/r\"\nupstream = \"http://10.0.0.1\"\n";

pub(super) fn mistakes(environment: &str, file: &str) -> Vec<String> {
    refused(&sources(&format!("environment = \"{environment}\"\n{file}\n"), &[], ""))
}

fn when(refuses: &str) -> When {
    CHECKS.iter().find(|check| check.refuses == refuses).unwrap_or_else(|| panic!("no row refuses {refuses}")).when
}

fn assert_refused(refuses: &str, file: &str, beginning: &str) {
    for environment in ["staging", "production"] {
        let mistakes = mistakes(environment, file);
        assert!(mistakes.iter().any(|mistake| mistake.starts_with(beginning)), "{refuses}: {mistakes:?}");
    }
    let in_development = mistakes("development", file);
    match when(refuses) {
        When::Always => {
            assert!(in_development.iter().any(|mistake| mistake.starts_with(beginning)), "{in_development:?}");
        }
        When::Protecting => assert_eq!(in_development, [""; 0], "{refuses}"),
    }
}

#[test]
fn every_row_refuses_what_it_says() {
    for (refuses, file, beginning) in ROWS {
        // The row on https and insecure cookies leaves protecting environments to the next one, which says the same.
        assert_refused(refuses, file, beginning);
    }
    for (refuses, member, beginning) in ROUTES {
        let route =
            if member.is_empty() { ROUTE.replace("10.0.0.1", "10.0.0.1/?a=b") } else { format!("{ROUTE}{member}") };
        assert_refused(refuses, &route, beginning);
    }
    for (refuses, members, beginning) in PROVIDERS {
        assert_refused(refuses, &format!("{PROVIDER}id = \"p\"\n{PROVIDER}{members}"), beginning);
    }
}

/// Rows that no file alone can be tried with, and the test of each.
const ELSEWHERE: &[(&str, &str)] = &[
    ("routes on Doorward's own paths", "own_paths::doorwards_own_paths_are_no_routes"),
    (
        "a Cognito pool or Amazon SES in a build without the feature `aws`",
        "checks::a_build_without_aws_refuses_what_needs_it_and_says_who_asked",
    ),
    ("a SQLite store on AWS Lambda", "lambda::a_function_keeps_no_file_outside_development"),
    (
        "a MongoDB store in a build without the feature `mongodb`",
        "config::checks::sense::a_build_without_mongodb_refuses_its_addresses_alone",
    ),
    (
        "`tokens.secret` in AWS Secrets Manager without `tokens.encryption_key`",
        "checks::a_secret_that_may_be_rotated_seals_nothing",
    ),
];

#[test]
fn every_row_is_tested() {
    let tested: Vec<_> = ROWS.iter().chain(ROUTES).chain(PROVIDERS).map(|(row, ..)| row).collect();
    let is_tested =
        |refuses: &&str| tested.contains(&refuses) || ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == refuses);
    let untested: Vec<_> = CHECKS.iter().map(|check| check.refuses).filter(|refuses| !is_tested(refuses)).collect();
    assert_eq!(untested, [""; 0]);
}

#[test]
fn a_secret_that_may_be_rotated_seals_nothing() {
    let file = "[tokens]\nsecret = \"aws-sm://tokens\"";
    let with = |file: &str| Sources { vault: Vault::holding("tokens", SECRET), ..sources(file, &[], "") };
    let mistakes = refused(&with(file));
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("tokens.secret: may be rotated"), "{mistakes:?}");
    assert_eq!(refused(&with(&format!("{file}\nencryption_key = \"{SECRET}\""))), [""; 0]);
}

#[test]
fn certificates_and_the_environment_ask_a_database_for_tls_too() {
    let server = "environment = \"production\"\n[server]\npublic_url = \"https://a.example\"\nfrontend_url = \"https://b.example\"\n";
    let file =
        format!("{server}[tokens]\nencryption_key = \"{SECRET}\"\n[store]\nurl = \"postgres://db.example.com/d\"\n");
    assert_eq!(refused(&sources(&file, &[], "")).len(), 1);
    assert_eq!(refused(&sources(&format!("{file}tls_ca_file = \"Cargo.toml\""), &[], "")), [""; 0]);
    assert_eq!(refused(&sources(&file, &[("PGSSLMODE", "verify-full")], "")), [""; 0]);
    let nowhere = file.replace("db.example.com", "");
    assert_eq!(refused(&sources(&nowhere, &[], "")), [""; 0]);
    assert_eq!(refused(&sources(&nowhere, &[("PGHOST", "db.example.com")], "")).len(), 1);
}

#[test]
fn a_build_without_aws_refuses_what_needs_it_and_says_who_asked() {
    let pool = "[user_pool]\npool_id = \"us-east-1_Ab3\"\nclient_id = \"c\"\n";
    for (file, asked) in [
        (format!("{pool}kind = \"cognito\""), "user_pool.kind"),
        (format!("{pool}migrate_from = \"cognito\""), "user_pool.migrate_from"),
        ("[mail]\nurl = \"ses://us-east-1\"".to_owned(), "mail.url"),
    ] {
        let with = sources(&file, &[], "");
        assert_eq!(refused(&with), [""; 0], "{file}");
        let mistakes = refused(&Sources { with_aws: false, ..with });
        let beginning = format!("{asked}: asks for Amazon's services, and this build has none (from doorward.toml:");
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(&beginning), "{mistakes:?}");
        assert!(mistakes[0].contains("build with `cargo build --release --features aws`"), "{mistakes:?}");
    }
}

#[test]
fn open_origins_are_refused_everywhere() {
    for origin in ["*", "null", "https://*.example.com"] {
        for environment in ["development", "production"] {
            let mistakes =
                mistakes(environment, &format!("[server]\ncors_origins = [\"https://a.example\", {origin:?}]"));
            assert!(mistakes.len() == 1 && mistakes[0].starts_with("server.cors_origins: "), "{mistakes:?}");
        }
    }
}

#[test]
fn a_sound_production_starts() {
    let file = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\"]\ncors_origins = [\"https://app.example.com\"]\n\
         [store]\nurl = \"postgres://u:p@db/d?sslmode=verify-full\"\n[tokens]\nencryption_key = \"{SECRET}\"\n\
         [[issuers]]\nissuer = \"http://idp.internal\"\naudiences = [\"a\"]\n{ROUTE}"
    );
    assert_eq!(mistakes("production", &file), [""; 0]);
}

#[test]
fn rows_are_not_judged_by_broken_values() {
    // The secret is there but cannot be read: that HS256 has none is not said on top.
    let mistakes = mistakes("development", "[tokens]\nalgorithm = \"HS256\"\nsecret = \"env:NOT_THERE\"");
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("tokens.secret: "), "{mistakes:?}");
}
