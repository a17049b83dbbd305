//! One of everything a store keeps, with every field set, and some more with awkward values.

use serde_json::{Value, json};

use crate::transfer::{End, Kind, Mark, Page, Position};

/// The moment at which things count as over or not: far ahead, as a server removes by its own clock what is long over.
pub(super) const NOW_MS: i64 = 4_070_908_800_000;

pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(NOW_MS).unwrap()
}

/// The id of a thing: of another kind for another letter.
pub(super) fn id(letter: char, number: u32) -> String {
    format!("0197{letter}000-0000-7000-8000-{number:012x}")
}

/// Everything, in the order of keys, as JSON.
pub(super) fn everything() -> Vec<(Kind, Vec<Value>)> {
    vec![
        (Kind::Teams, teams()),
        (Kind::Domains, domains()),
        (Kind::Seeds, vec![seed("domain", "a"), seed("domain", "Z'\"\\"), seed("team", "Équipe 🚪")]),
        (Kind::SigningKeys, signing_keys()),
        (Kind::Mail, mail()),
        (Kind::Users, users()),
        (Kind::Sessions, sessions()),
        (Kind::Throttles, throttles()),
        (Kind::UsedValues, used_values()),
        (Kind::AuditEvents, audit_events()),
    ]
    .into_iter()
    .map(|(kind, values)| (kind, in_order(kind, &values)))
    .collect()
}

fn in_order(kind: Kind, values: &[Value]) -> Vec<Value> {
    let mut lines = page(kind, values).lines().unwrap();
    lines.sort_by(|one, other| one.key.cmp(&other.key));
    lines.iter().map(|line| serde_json::from_slice(&line.bytes).unwrap()).collect()
}

/// The records of a page.
pub(super) fn page(kind: Kind, values: &[Value]) -> Page {
    let lines: Vec<_> = values.iter().map(|value| serde_json::to_vec(value).unwrap()).collect();
    Page::from_lines(kind, &lines).unwrap()
}

/// Puts records into an empty store.
pub(super) async fn fill(end: &End, everything: &[(Kind, Vec<Value>)]) -> Result<(), doorward_identity::StoreError> {
    let position = Position { kind: None, after: None, done: 0 };
    let mark = Mark { source: "a fixture".to_owned(), position };
    end.0.begin_copy(&mark).await?;
    for (kind, values) in everything {
        // Written together, domains may stand in any order.
        end.0.write_page(&page(*kind, values), &mark).await?;
    }
    end.0.end_copy().await
}

fn teams() -> Vec<Value> {
    let team = |number: u32, name: &str, external_ref: Option<&str>| {
        json!({"id": id('1', number), "name": name, "external_ref": external_ref, "is_active": number != 2,
            "created_at": NOW_MS - i64::from(number), "version": number})
    };
    vec![
        team(1, "Harbour", Some("ref-1")),
        team(2, "zoë \u{1F6AA} 'quoted' \"twice\" \\ %_", None),
        team(3, "Ärzte", Some("Ref-1")),
        team(4, "a", None),
        team(5, "B", None),
        team(6, "C", None),
        team(7, "D", None),
    ]
}

fn domains() -> Vec<Value> {
    let domain = |number: u32, parent: Option<u32>| {
        json!({"id": id('2', number), "key": format!("key-{}", 9 - number), "name": format!("Domain {number}"),
            "parent_domain_id": parent.map(|number| id('2', number)), "is_active": number != 3,
            "created_at": NOW_MS, "version": 1})
    };
    // Below those that come later, three levels deep.
    vec![domain(1, Some(5)), domain(2, Some(1)), domain(3, None), domain(4, Some(2)), domain(5, None)]
}

fn seed(kind: &str, key: &str) -> Value {
    json!({"kind": kind, "key": key})
}

fn signing_keys() -> Vec<Value> {
    let key = |kid: &str, ordinal: i64| {
        json!({"kid": kid, "ordinal": ordinal, "algorithm": "ES256", "public_jwk": "{\"kty\":\"EC\"}",
            "sealed_private": [0, 1, 255, 128], "created_at": NOW_MS, "activates_at": NOW_MS + 1})
    };
    vec![key("b", 1), key("A", 2)]
}

fn mail() -> Vec<Value> {
    let mail = |number: u32, user: Option<String>, letter: Option<Value>, state: &str| {
        json!({"id": id('3', number), "user_id": user, "kind": "confirm_email", "recipient": "Ada@Example.com",
            "sealed_letter": letter, "state": state, "attempts": 2, "due_at": NOW_MS + 5, "created_at": NOW_MS,
            "expires_at": NOW_MS + 600_000, "reason": "451 later, «please»"})
    };
    vec![
        mail(1, Some(id('4', 1)), Some(json!([0, 255])), "waiting"),
        mail(2, None, None, "expired"),
        mail(3, Some(id('4', 99)), Some(json!([1])), "abandoned"),
    ]
}

fn users() -> Vec<Value> {
    let full = json!({
        "id": id('4', 1), "email": "Ada.Lovelace@Example.com", "email_verified_at": NOW_MS + 1, "name": "Ada Łovelace",
        "first_name": "Ada", "last_name": "O'Łovelace", "phone": "+491701234567",
        "avatar_url": "https://example.com/a.png", "password_hash": "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA",
        "roles": ["zeta", "admin"], "status": "active", "created_at": NOW_MS, "updated_at": NOW_MS + 2,
        "last_signin_at": NOW_MS + 3, "signed_out_at": NOW_MS + 4, "password_changed_at": NOW_MS + 5,
        "sign_up_contested": true, "version": 7,
        "identities": [{"issuer": "https://idp.example", "subject": "Sub"}, {"issuer": "https://idp.example", "subject": "sub"}],
        "teams": [{"team_id": id('1', 1), "role": "owner"}, {"team_id": id('1', 2), "role": "member"}],
        "domains": [{"domain_id": id('2', 1)}, {"domain_id": id('2', 4)}],
        "codes": [
            {"purpose": "email_change", "digest": bytes(1), "new_email": "new@example.com", "attempts_left": 4,
                "expires_at": NOW_MS + 9, "grant_hash": null, "grant_expires_at": null, "grant_leased_until": null},
            {"purpose": "email_verification", "digest": bytes(3), "new_email": null, "attempts_left": 5,
                "expires_at": NOW_MS + 9, "grant_hash": null, "grant_expires_at": null, "grant_leased_until": null},
            {"purpose": "password_reset", "digest": bytes(2), "new_email": null, "attempts_left": 0,
                "expires_at": NOW_MS + 9, "grant_hash": bytes(3), "grant_expires_at": NOW_MS + 10,
                "grant_leased_until": NOW_MS + 11},
        ],
    });
    let bare = |number: u32| {
        json!({
            "id": id('4', number), "email": format!("user{number}@example.com"), "email_verified_at": null, "name": null,
            "first_name": null, "last_name": null, "phone": null, "avatar_url": null, "password_hash": null,
            "roles": [], "status": "disabled", "created_at": 0, "updated_at": -1, "last_signin_at": null,
            "signed_out_at": null, "password_changed_at": null, "sign_up_contested": false, "version": 1,
            "identities": [], "teams": [], "domains": [], "codes": [],
        })
    };
    std::iter::once(full).chain((2..8).map(bare)).collect()
}

/// As many bytes as a hash has.
fn bytes(first: u8) -> Value {
    json!((0..32_u8).map(|index| first.wrapping_add(index.wrapping_mul(9))).collect::<Vec<u8>>())
}

fn sessions() -> Vec<Value> {
    let retired = |generation: u8| {
        json!({"generation": generation, "refresh_hash": bytes(100 - generation), "salt": vec![generation; 16],
            "retired_at": NOW_MS + i64::from(generation)})
    };
    let session = |number: u8, retired: Vec<Value>, provider: Value| {
        json!({
            "id": id('5', u32::from(number)), "user_id": id('4', 1), "surface": "signin", "method": "password",
            "created_at": NOW_MS, "last_seen_at": NOW_MS + 1, "authenticated_at": NOW_MS - 1,
            "expires_at": NOW_MS + 1000, "ended_at": NOW_MS + 7, "end_reason": "signed_out", "address": "2001:db8::1",
            "user_agent": "curl/8 \u{1F310}", "credential_hash": bytes(number), "refresh_generation": retired.len(),
            "credential_expires_at": NOW_MS + 999, "retired": retired, "provider": provider,
        })
    };
    let share = |session: Option<&str>| {
        json!({"provider": "main", "subject": "sub", "provider_session": session, "sealed_tokens": [9, 8, 0],
            "renew_at": session.map(|_| NOW_MS + 3)})
    };
    vec![
        session(1, vec![retired(0), retired(1), retired(2)], share(Some("sid"))),
        session(2, Vec::new(), share(None)),
        session(3, vec![retired(0)], Value::Null),
        session(4, Vec::new(), Value::Null),
    ]
}

fn throttles() -> Vec<Value> {
    let throttle = |name: &str, known: bool| json!({"name": name, "known": known, "attempts": 3, "blocked_until": NOW_MS + 60_000, "updated_at": NOW_MS - 1});
    vec![throttle("user:0197", true), throttle("unknown:É", false), throttle("User:0197", true)]
}

fn used_values() -> Vec<Value> {
    (1..9).map(|number| json!({"hash": bytes(number * 20), "expires_at": NOW_MS + i64::from(number)})).collect()
}

fn audit_events() -> Vec<Value> {
    let event = |number: u32, actor: Option<String>, text: Option<&str>| {
        json!({"id": id('6', number), "at": NOW_MS, "action": "user.signed_up",
            "actor_kind": if actor.is_some() { "user" } else { "system" }, "actor_id": actor, "subject": text,
            "detail": text, "address": text.map(|_| "192.0.2.1"), "request_id": text})
    };
    vec![event(1, Some(id('4', 1)), Some("line\nfeed\ttab \u{1F512}")), event(2, None, None)]
}
