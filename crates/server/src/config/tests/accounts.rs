//! Mail, user pools and Amazon's services, from the sources to `Config`.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::super::{MailKind, PoolKind};
use super::{Sources, from_env, from_file, loaded, refused, sources};

const POOL: [(&str, &str); 2] = [("COGNITO_USER_POOL_ID", "us-east-1_Ab3"), ("COGNITO_CLIENT_ID", "client")];
const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab3";

fn mail_kind(url: &str) -> MailKind {
    from_file(&format!("[mail]\nurl = {url:?}\n")).mail.kind
}

#[test]
fn mail_leaves_in_four_ways() {
    assert_eq!(mail_kind("log:"), MailKind::Log);
    for url in [
        "smtp://mail.example",
        "smtp://u:p%40@mail.example:2525",
        "smtps://u:p@mail.example",
        "smtp://127.0.0.1:25?tls=none",
    ] {
        assert_eq!(mail_kind(url), MailKind::Smtp, "{url}");
    }
    let ses = |region: &str| MailKind::Ses { region: Some(region.to_owned()) };
    assert_eq!(mail_kind("ses://eu-west-1"), ses("eu-west-1"));
    let by_variable = |name| from_env(&[("DOORWARD__MAIL__URL", "ses:"), (name, "eu-west-3")]).mail.kind;
    assert_eq!(by_variable("AWS_REGION"), ses("eu-west-3"));
    assert_eq!(from_env(&[&POOL[..], &[("DOORWARD__MAIL__URL", "ses:")]].concat()).mail.kind, ses("us-east-1"));
}

#[test]
fn what_is_wrong_with_the_address_of_a_mail_server_is_told_without_its_password() {
    for (url, told) in [
        ("smtp://", "smtp://user:password@host:587"),
        ("smtps://ann:hunter2@", "smtp://user:password@host:587"),
        ("smtp://ann@mail.example", "user and password belong together"),
        ("smtp://8.8.8.8?tls=none", "tls=none is for loopback and private addresses only"),
        ("smtp://ann:hunter2@127.0.0.1?tls=none", "the password would travel in clear text"),
        ("ses://us east 1", "write it as ses: or ses://us-east-1"),
        ("log:x", "or log:"),
    ] {
        let mistakes = refused(&sources(&format!("[mail]\nurl = {url:?}\n"), &[], ""));
        let beginning = "mail.url: is not a way to send mail (from doorward.toml:2); ";
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(beginning), "{url}: {mistakes:?}");
        assert!(mistakes[0].contains(told) && !mistakes[0].contains("hunter2"), "{url}: {mistakes:?}");
    }
}

#[test]
fn mail_says_what_the_operator_wants() {
    let mail = from_file(
        "[mail]\nfrom = \"Us <us@example.com>\"\nreply_to = \"help@example.com\"\nproduct = \"Ours\"\ntimeout = \"3s\"\n",
    )
    .mail;
    assert_eq!((mail.from.as_str(), mail.reply_to.as_deref()), ("Us <us@example.com>", Some("help@example.com")));
    assert_eq!((mail.product.as_str(), mail.timeout), ("Ours", Duration::from_secs(3)));
    let mail = loaded(&Sources::default()).mail;
    assert_eq!((mail.product.as_str(), mail.timeout, mail.templates), ("Doorward", Duration::from_secs(10), None));
    assert_eq!(from_file("[mail]\ntimeout = \"45s\"\n").mail.timeout, Duration::from_secs(45));
    let mistakes = refused(&sources("[mail]\ntimeout = \"46s\"\n", &[], ""));
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("mail.timeout: "), "{mistakes:?}");
}

#[test]
fn a_pool_that_keeps_the_passwords_is_an_issuer_whose_tokens_count() {
    let config = from_env(&POOL);
    assert_eq!((config.user_pool.kind, config.user_pool.region()), (PoolKind::Cognito, Some("us-east-1")));
    let issuer = &config.issuers[0];
    assert_eq!((issuer.issuer.as_str(), issuer.jwks_uri.as_deref()), (ISSUER, None));
    assert_eq!(issuer.audiences, ["client"]);

    // Its keys are where its API is.
    let beside = from_env(&[&POOL[..], &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]].concat());
    assert_eq!(
        beside.issuers[0].jwks_uri.as_deref(),
        Some("http://127.0.0.1:4566/us-east-1_Ab3/.well-known/jwks.json")
    );

    // Named as an issuer for other clients too.
    let named = [("AUTH_OIDC_ISSUER", ISSUER), ("AUTH_OIDC_AUDIENCE", "other")];
    let issuers = from_env(&[&POOL[..], &named].concat()).issuers;
    assert_eq!(issuers.len(), 1);
    assert_eq!(issuers[0].audiences, ["other", "client"]);

    // A pool that is left issues nothing that counts.
    let left = "[user_pool]\nkind = \"local\"\nmigrate_from = \"cognito\"\n";
    let config = loaded(&sources(left, &POOL, ""));
    assert_eq!((config.user_pool.asked_by(), config.issuers.len()), (Some("user_pool.migrate_from"), 0));
}

#[test]
fn a_pool_of_china_is_called_as_amazon_calls_it() {
    let config = from_env(&[("COGNITO_USER_POOL_ID", "cn-north-1_Ab3"), ("COGNITO_CLIENT_ID", "c")]);
    assert_eq!(config.issuers[0].issuer, "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab3");
}

#[test]
fn what_is_no_pool_id_is_refused_where_it_was_written() {
    let mistakes = refused(&sources("", &[("COGNITO_USER_POOL_ID", "ca-central-1"), ("COGNITO_CLIENT_ID", "c")], ""));
    assert_eq!(
        mistakes,
        [
            "user_pool.pool_id: \"ca-central-1\" is not the id of a user pool (from COGNITO_USER_POOL_ID); copy it from the pool's page: us-east-1_AbCdEfGhI"
        ]
    );
}

#[test]
fn where_the_process_runs_does_not_say_where_the_pool_is() {
    let pool = [("COGNITO_USER_POOL_ID", "eu-west-3_Ab3"), ("COGNITO_CLIENT_ID", "c")];
    let platform = [&pool[..], &[("AWS_REGION", "us-east-1")]].concat();
    assert_eq!(from_env(&platform).user_pool.region(), Some("eu-west-3"));
    // Whoever names the pool's region means it.
    let mistaken = [&pool[..], &[("COGNITO_REGION", "us-east-1")]].concat();
    assert!(refused(&sources("", &mistaken, ""))[0].contains("and the pool eu-west-3_Ab3 is in eu-west-3"));
}

#[test]
fn a_stand_in_for_aws_has_no_regions() {
    let local = [
        ("COGNITO_USER_POOL_ID", "local_Ab3"),
        ("COGNITO_CLIENT_ID", "c"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://127.0.0.1:9229"),
    ];
    let pool = from_env(&local).user_pool;
    assert_eq!((pool.region(), pool.endpoint_url.as_deref()), (Some("us-east-1"), Some("http://127.0.0.1:9229")));
}

#[test]
fn keys_and_endpoints_of_aws_are_read_from_dotenv_too() {
    let dotenv = "COGNITO_CLIENT_SECRET=sesame\nAWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=hush\nAWS_SESSION_TOKEN=t\n\
                  AWS_ENDPOINT_URL=http://127.0.0.1:4566\nAWS_ENDPOINT_URL_SESV2=http://127.0.0.1:4567\n";
    let config = loaded(&sources("", &POOL, dotenv));
    let exposed = |secret: Option<secrecy::SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    assert_eq!(exposed(config.user_pool.client_secret).as_deref(), Some("sesame"));
    let aws = config.aws;
    assert_eq!(exposed(aws.access_key_id).as_deref(), Some("AKIA"));
    assert_eq!(exposed(aws.secret_access_key).as_deref(), Some("hush"));
    assert_eq!(exposed(aws.session_token).as_deref(), Some("t"));
    assert_eq!(config.user_pool.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
    assert_eq!(config.mail.ses_endpoint_url.as_deref(), Some("http://127.0.0.1:4567"));
}

#[test]
fn half_a_key_is_let_be_where_nothing_of_amazons_is_asked() {
    assert_eq!(refused(&sources("", &[("AWS_ACCESS_KEY_ID", "AKIA")], "")), [""; 0]);
}

#[test]
fn a_gateway_needs_nothing_of_amazons_for_the_pools_own_page() {
    let hosted = [("COGNITO_DOMAIN", "x.auth.example")];
    let with = sources("", &[&POOL[..], &hosted].concat(), "");
    assert_eq!(loaded(&with).user_pool.kind, PoolKind::Cognito);
    let config = loaded(&Sources { with_aws: false, ..with });
    assert_eq!((config.user_pool.kind, config.providers.len()), (PoolKind::Local, 1));
    assert!(
        config.notices[0].starts_with("this build has no AWS: people sign in at the pool's own page"),
        "{:?}",
        config.notices
    );
}
