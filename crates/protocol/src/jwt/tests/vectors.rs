//! The signed examples of RFC 7515 (appendix A) and RFC 8037 (appendix A).

use super::*;

const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn public(jwk: Value) -> VerifyingKey {
    VerifyingKey::from_jwk(&serde_json::from_value(jwk).unwrap()).unwrap()
}

fn assert_joe(header: &str, signature: &str, key: &VerifyingKey) {
    let token = format!("{header}.{JOE}.{signature}");
    let claims = Unverified::parse(&token).unwrap().verify(key).unwrap();
    let expected = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    assert_eq!(claims.decode::<Value>(), Ok(expected));
}

#[test]
fn rfc_7515_a_1_hmac() {
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap();
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_joe(header, signature, &VerifyingKey::hmac(&secret));
    let signed = SigningKey::hmac(&secret).sign(format!("{header}.{JOE}").as_bytes()).unwrap();
    assert_eq!(b64(signed), signature);
}

#[test]
fn rfc_7515_a_2_rsa() {
    let n = concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ",
        "S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2",
        "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD",
        "TW9gb54h4FRWyuXpoQ"
    );
    let signature = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU",
        "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d",
        "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig",
        "cN_IoypGlUPQGe77Rw"
    );
    assert_joe("eyJhbGciOiJSUzI1NiJ9", signature, &public(json!({"kty": "RSA", "n": n, "e": "AQAB"})));
}

#[test]
fn rfc_7515_a_3_ecdsa() {
    let key = public(json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert_joe("eyJhbGciOiJFUzI1NiJ9", signature, &key);
}

#[test]
fn rfc_8037_a_4_ed25519() {
    let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    // RFC 8410 §7: the fixed head of a PKCS#8 document around an Ed25519 seed.
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let key = SigningKey::from_pkcs8(Algorithm::EdDSA, &[&head[..], &seed].concat()).unwrap();
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert_eq!(key.public_jwk("a").unwrap().x.as_deref(), Some(x));

    let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(b64(key.sign(input).unwrap()), signature);
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let published = public(json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
    assert!(published.verify(Algorithm::EdDSA, input, &signature));
}
