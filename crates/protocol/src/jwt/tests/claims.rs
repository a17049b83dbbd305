//! The registered claims: each missing, of a wrong type, out of range and just inside it.

use jiff::Timestamp;
use serde::Deserialize;

use super::*;

const NOW: i64 = 1_700_000_000;

fn claims(payload: &str) -> VerifiedClaims {
    verify(&forge(&SigningKey::hmac(SECRET), r#"{"alg":"HS256"}"#, payload)).unwrap()
}

fn times(payload: &str, leeway_s: i64) -> Result<Times, JwtError> {
    let now = Timestamp::from_millisecond(NOW * 1000 + 999).unwrap();
    claims(payload).check_times(&TimeRules { now, leeway_s })
}

#[test]
fn a_token_lives_until_its_expiry_and_no_second_longer() {
    let at = |exp: i64, leeway_s| times(&json!({"exp": exp}).to_string(), leeway_s).map(|_| ());
    assert_eq!(at(NOW + 1, 0), Ok(()));
    assert_eq!(at(NOW, 0), Err(JwtError::Expired));
    assert_eq!(at(NOW - 59, 60), Ok(()));
    assert_eq!(at(NOW - 60, 60), Err(JwtError::Expired));
    assert_eq!(at(NOW - 61, 60), Err(JwtError::Expired));
    assert_eq!(at(NOW - 61, 3600), Err(JwtError::Expired), "more leeway than allowed is cut");
    assert_eq!(at(NOW, -3600), Err(JwtError::Expired));
    assert_eq!(at(NOW + 1, -3600), Ok(()), "negative leeway is none");
    assert_eq!(at(0, 60), Err(JwtError::Expired));
}

#[test]
fn a_token_from_the_future_is_refused() {
    for claim in ["nbf", "iat"] {
        let at =
            |time: i64, leeway_s| times(&json!({"exp": NOW + 9_999, claim: time}).to_string(), leeway_s).map(|_| ());
        assert_eq!(at(NOW, 0), Ok(()), "{claim}");
        assert_eq!(at(NOW + 1, 0), Err(JwtError::NotYetValid), "{claim}");
        assert_eq!(at(NOW + 60, 60), Ok(()), "{claim}");
        assert_eq!(at(NOW + 61, 9_999), Err(JwtError::NotYetValid), "{claim}");
        assert_eq!(at(NOW + 3_600, 60), Err(JwtError::NotYetValid), "{claim}");
    }
}

#[test]
fn times_come_back_as_they_were_signed() {
    let second = |second| Timestamp::from_second(second).unwrap();
    let both = Times { expires_at: second(NOW + 5), issued_at: Some(second(NOW - 5)) };
    assert_eq!(times(&json!({"exp": NOW + 5, "iat": NOW - 5}).to_string(), 0), Ok(both));
    assert_eq!(times(r#"{"exp":1700000005.0,"iat":1.699999995e9}"#, 0), Ok(both), "whole floats are numbers too");
    assert_eq!(times(r#"{"exp":1700000005}"#, 0), Ok(Times { issued_at: None, ..both }));
}

#[test]
fn an_expiry_is_mandatory_and_a_time_is_a_whole_number() {
    assert_eq!(times("{}", 60), Err(JwtError::MissingClaim("exp")));
    assert_eq!(times(r#"{"Exp":1700000005}"#, 60), Err(JwtError::MissingClaim("exp")));
    let no_times = [
        "null",
        "true",
        r#""1700000005""#,
        "[1700000005]",
        "{}",
        "-1",
        "-1e3",
        "1e300",
        "-1e300",
        "1700000005.5",
        "253402300800",
        "9007199254740993.0",
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999",
    ];
    for time in no_times {
        assert_eq!(times(&format!(r#"{{"exp":{time}}}"#), 60), Err(JwtError::BadClaim("exp")), "{time}");
        for (claim, error) in [("nbf", JwtError::BadClaim("nbf")), ("iat", JwtError::BadClaim("iat"))] {
            assert_eq!(times(&format!(r#"{{"exp":1700000005,"{claim}":{time}}}"#), 60), Err(error), "{time}");
        }
    }
}

#[test]
fn an_issuer_is_one_string_and_exactly_ours() {
    let issuer = |iss: Value| claims(&json!({"iss": iss}).to_string()).require_issuer("https://a.example");
    assert_eq!(issuer(json!("https://a.example")), Ok(()));
    let others = ["https://a.example/", "https://A.example", "https://a.exampl", "https://a.example.com", "", " "];
    for other in others {
        assert_eq!(issuer(json!(other)), Err(JwtError::WrongIssuer), "{other}");
    }
    for iss in [json!(["https://a.example"]), json!(null), json!(7), json!({"https://a.example": 1})] {
        assert_eq!(issuer(iss.clone()), Err(JwtError::BadClaim("iss")), "{iss}");
    }
    assert_eq!(claims("{}").require_issuer("https://a.example"), Err(JwtError::MissingClaim("iss")));
}

#[test]
fn an_audience_names_us_exactly() {
    let ours = ["api".to_owned(), "web".to_owned()];
    let audience = |aud: Value| claims(&json!({"aud": aud}).to_string()).require_audience(&ours);
    for aud in [json!("api"), json!("web"), json!(["api"]), json!(["other", "web"])] {
        assert_eq!(audience(aud.clone()), Ok(()), "{aud}");
    }
    for aud in [json!("ap"), json!("apiary"), json!("API"), json!("api "), json!("api web"), json!(""), json!([])] {
        assert_eq!(audience(aud.clone()), Err(JwtError::WrongAudience), "{aud}");
    }
    for aud in [json!(null), json!(7), json!(["api", 7]), json!(["api", null]), json!([["api"]]), json!({"api": 1})] {
        assert_eq!(audience(aud.clone()), Err(JwtError::BadClaim("aud")), "{aud}");
    }
    assert_eq!(claims("{}").require_audience(&ours), Err(JwtError::MissingClaim("aud")));
    assert_eq!(claims(r#"{"aud":"api"}"#).require_audience(&[]), Err(JwtError::WrongAudience));
    assert_eq!(claims(r#"{"aud":""}"#).require_audience(&[]), Err(JwtError::WrongAudience));
}

#[test]
fn a_claim_of_another_type_is_an_error_and_never_absent() {
    let claims = claims(r#"{"text":"a","time":7,"null":null,"aud":["a","b"]}"#);
    assert_eq!((claims.text("text"), claims.text("none")), (Ok(Some("a")), Ok(None)));
    assert_eq!(
        (claims.text("time"), claims.text("null")),
        (Err(JwtError::BadClaim("time")), Err(JwtError::BadClaim("null")))
    );
    assert_eq!((claims.time("time"), claims.time("none")), (Ok(Timestamp::from_second(7).ok()), Ok(None)));
    assert_eq!(
        (claims.time("text"), claims.time("null")),
        (Err(JwtError::BadClaim("text")), Err(JwtError::BadClaim("null")))
    );
    assert_eq!((claims.audiences(), claims.get("null")), (Ok(vec!["a", "b"]), Some(&Value::Null)));
}

#[test]
fn claims_are_typed() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Access {
        sub: String,
        roles: Option<Vec<String>>,
    }

    let decode = |payload: &str| claims(payload).decode::<Access>();
    let access = |roles| Ok(Access { sub: "a".to_owned(), roles });
    assert_eq!(decode(r#"{"sub":"a","other":1}"#), access(None));
    assert_eq!(decode(r#"{"sub":"a","roles":["x"]}"#), access(Some(vec!["x".to_owned()])));
    for payload in ["{}", r#"{"sub":7}"#, r#"{"sub":null}"#, r#"{"sub":"a","roles":"x"}"#] {
        assert_eq!(decode(payload), Err(JwtError::Malformed), "{payload}");
    }
}
