//! Tokens that were made by somebody else, or of parts of real ones.

use std::time::{Duration, SystemTime};

use handlers::backend::{Algorithm, Options, SigningKey};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{App, check, options};

/// A key that the test knows too.
const KEY: [u8; 32] = [7; 32];

fn key() -> SigningKey {
    "07".repeat(32).parse().expect("it is one")
}

/// What a good token says.
fn claims() -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    json!({
        "iss": options().base_url,
        "sub": "1",
        "exp": now + 3600,
        "iat": now,
        "jti": "abc",
        "generation": 1,
    })
}

fn sign(claims: &Value, algorithm: jsonwebtoken::Algorithm, key: &[u8]) -> String {
    sign_as(&Header::new(algorithm), claims, key)
}

fn sign_as(header: &Header, claims: &Value, key: &[u8]) -> String {
    encode(header, claims, &EncodingKey::from_secret(key)).expect("it is signed")
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

#[test]
fn only_what_this_server_signs_is_a_login() {
    use jsonwebtoken::Algorithm::{HS256, HS384};
    let app = App::with(Options {
        key: key(),
        ..options()
    });
    app.register("ann");
    let real = app.login("ann");
    let parts: Vec<&str> = real.split('.').collect();
    let none = "eyJhbGciOiJub25lIn0";
    let good = sign(&claims(), HS256, &KEY);
    let later = claims()["exp"].clone();
    let mut since = with("nbf", json!(1));
    since["jti"] = json!("def");
    let since = sign(&since, HS256, &KEY);
    let mut critical = Header::new(HS256);
    critical.crit = Some(vec!["exp".to_owned()]);
    let forged = [
        ("another key", sign(&claims(), HS256, &[8; 32])),
        ("no key", sign(&claims(), HS256, b"")),
        ("another algorithm", sign(&claims(), HS384, &KEY)),
        ("no algorithm", format!("{none}.{}.", parts[1])),
        (
            "no algorithm, a signature",
            format!("{none}.{}.{}", parts[1], parts[2]),
        ),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{real}.x")),
        (
            "changed claims",
            format!("{}.{}x.{}", parts[0], parts[1], parts[2]),
        ),
        ("expired", sign(&with("exp", json!(1)), HS256, &KEY)),
        (
            "another issuer",
            sign(&with("iss", json!("http://other.test")), HS256, &KEY),
        ),
        (
            "another account",
            sign(&with("sub", json!("2")), HS256, &KEY),
        ),
        ("no account", sign(&with("sub", json!("ann")), HS256, &KEY)),
        (
            "of another password",
            sign(&with("generation", json!(0)), HS256, &KEY),
        ),
        ("not yet", sign(&with("nbf", later.clone()), HS256, &KEY)),
        ("critical", sign_as(&critical, &claims(), &KEY)),
        ("without exp", sign(&without("exp"), HS256, &KEY)),
        ("without iss", sign(&without("iss"), HS256, &KEY)),
        ("without sub", sign(&without("sub"), HS256, &KEY)),
        ("without iat", sign(&without("iat"), HS256, &KEY)),
        ("without jti", sign(&without("jti"), HS256, &KEY)),
        (
            "without generation",
            sign(&without("generation"), HS256, &KEY),
        ),
        (
            "too long",
            sign(&with("more", json!("x".repeat(2000))), HS256, &KEY),
        ),
        ("nothing", ".".to_owned()),
    ];
    for (what, token) in forged {
        let answer = app.logout(&token);
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        check(&answer, 401, "log in again");
    }
    // What was forged differs from these by nothing else.
    check(&app.logout(&good), 200, "revoked");
    check(&app.logout(&since), 200, "revoked");
    check(&app.logout(&real), 200, "revoked");
}

#[test]
fn a_public_key_is_no_secret() {
    // Who takes EdDSA for HMAC could be given tokens that are signed with the public key.
    let app = App::with(Options {
        key: key(),
        algorithm: Algorithm::EdDsa,
        ..options()
    });
    app.register("ann");
    let real = app.login("ann");
    app.advance(Duration::from_secs(1));
    for secret in [&KEY[..], b""] {
        let forged = sign(&claims(), jsonwebtoken::Algorithm::HS256, secret);
        check(&app.logout(&forged), 401, "log in again");
    }
    check(&app.logout(&real), 200, "revoked");
}
