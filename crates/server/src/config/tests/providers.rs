//! Providers, from the file to `Config`.

use secrecy::ExposeSecret;

use super::super::sections::{ClientAuth, LogoutStyle};
use super::{from_file, refused, shown_line, sources};

const PROVIDER: &str = "[[providers]]\nid = \"corp\"\nissuer = \"https://p.example/\"\nclient_id = \"c\"\n";

#[test]
fn a_provider_needs_three_lines() {
    let provider = from_file(PROVIDER).providers.remove(0);
    assert_eq!((provider.id.as_str(), provider.issuer.as_str()), ("corp", "https://p.example/"));
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert_eq!(provider.redirect_uri, "http://localhost:8000/api/v1/auth/callback");
    assert_eq!((provider.client_auth, provider.logout, provider.groups_claim), (None, None, None));
}

#[test]
fn everything_about_a_provider_can_be_said() {
    let said = "client_auth = \"private_key_jwt\"\nprivate_key = \"-----BEGIN PRIVATE KEY-----\\\\nMC4C\\\\n-----END PRIVATE KEY-----\"\n\
                discovery_url = \"https://d.example/x\"\nuserinfo_endpoint = \"https://d.example/me\"\nlogout = \"cognito\"\n\
                groups_claim = \"roles\"\n[[providers.groups]]\ngroup = \"Ops Team\"\nroles = [\"admin\"]\nteams = [\"Operations\"]\n\
                [[providers.groups]]\ngroup = \"devs\"\nteams = \"Engineering\"\n";
    let text = format!("{PROVIDER}{said}");
    let provider = from_file(&text).providers.remove(0);
    assert_eq!((provider.client_auth, provider.logout), (Some(ClientAuth::PrivateKeyJwt), Some(LogoutStyle::Cognito)));
    let key = provider.private_key.unwrap();
    assert_eq!(key.expose_secret(), "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----");
    assert_eq!(provider.discovery_url.as_deref(), Some("https://d.example/x"));
    assert_eq!(provider.endpoints.userinfo.as_deref(), Some("https://d.example/me"));
    assert_eq!(provider.groups_claim.as_deref(), Some("roles"));
    let groups: Vec<_> =
        provider.groups.iter().map(|rule| (rule.name.as_str(), rule.roles.len(), rule.teams.len())).collect();
    assert_eq!(groups, [("Ops Team", 1, 1), ("devs", 0, 1)]);
    let sources = sources(&text, &[], "");
    assert_eq!(
        shown_line(&sources, "providers.0.private_key"),
        "providers.0.private_key = \"[redacted]\" # doorward.toml:6"
    );
    assert_eq!(
        shown_line(&sources, "providers.0.groups.1.group"),
        "providers.0.groups.1.group = \"devs\" # doorward.toml:16"
    );
}

#[test]
fn what_is_wrong_with_a_rule_for_groups_is_told() {
    let file = format!("{PROVIDER}[[providers.groups]]\nroles = [\"Not A Role\"]\n");
    let mistakes = refused(&sources(&file, &[], ""));
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0].starts_with("providers[0].groups[0].roles: \"Not A Role\" is no role"), "{mistakes:?}");
    assert!(mistakes[1].starts_with("providers[0].groups[0].group: is missing"), "{mistakes:?}");
}

#[test]
fn a_key_is_not_quoted_in_a_mistake() {
    let mistakes = refused(&sources(&format!("{PROVIDER}private_key = \"hunter2\"\n"), &[], ""));
    assert!(mistakes.len() == 1 && !mistakes[0].contains("hunter2"), "{mistakes:?}");
}
