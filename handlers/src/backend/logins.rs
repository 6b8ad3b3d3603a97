//! `Logins`: JSON Web Tokens (RFC 7519) that say who has logged in. Must not know the store: whether
//! a login was revoked is for others to ask.

use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::key::{Algorithm, SigningKey};
use super::options::Options;
use super::random;
use crate::store::{Account, UnixTime};

/// What stands before the 32 bytes of an Ed25519 key in its PKCS #8 form (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The longest token that is looked at, in bytes: they have some 300, and an issuer's name.
const TOKEN_MAX: usize = 1024;

/// Makes tokens and reads them back.
pub(super) struct Logins {
    issuer: String,
    lifetime: Duration,
    header: Header,
    validation: Validation,
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// What a token says, all of it registered in RFC 7519, section 4.1. Each has to be there.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// Who made it.
    iss: String,
    /// The account's id.
    sub: String,
    /// From when on it is worth nothing.
    exp: i64,
    /// Since when it is worth something.
    iat: i64,
    /// What it is revoked by.
    jti: String,
}

/// Who has logged in, when, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The account's id.
    pub(super) account: i64,
    /// What it is revoked by.
    pub(super) id: String,
    issued: UnixTime,
    pub(super) expires: UnixTime,
}

impl Logins {
    pub(super) fn new(options: &Options) -> Self {
        let (algorithm, signing) = signing_key(options.algorithm, &options.key);
        let verifying = Jwk::from_encoding_key(&signing, algorithm)
            .and_then(|public| DecodingKey::from_jwk(&public));
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&options.base_url]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Compared below, with the clock that everything else here goes by.
        validation.validate_exp = false;
        Logins {
            issuer: options.base_url.clone(),
            lifetime: options.token_lifetime,
            header: Header::new(algorithm),
            validation,
            signing,
            verifying: verifying.expect("32 bytes are a key in either algorithm"),
        }
    }

    /// A token for the owner of this account.
    pub(super) fn issue(&self, account: &Account) -> String {
        let now = UnixTime::now();
        // Moments are whole seconds: a login in the second of a new password is one of after it.
        let issued = now.max(account.logins_from.after(Duration::from_secs(1)));
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: account.id.to_string(),
            exp: now.after(self.lifetime).0,
            iat: issued.0,
            jti: random::to_hex(&random::bytes::<16>()),
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.signing);
        token.expect("the key fits the algorithm")
    }

    /// What a token says that is signed by this key in this way, and is worth something now.
    pub(super) fn read(&self, token: &str) -> Option<Login> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let decoded = jsonwebtoken::decode(token, &self.verifying, &self.validation);
        let Claims {
            sub, exp, iat, jti, ..
        } = decoded.ok()?.claims;
        let login = Login {
            account: sub.parse().ok()?,
            id: jti,
            issued: UnixTime(iat),
            expires: UnixTime(exp),
        };
        (login.expires > UnixTime::now()).then_some(login)
    }
}

impl Login {
    /// Whether this login is still good for its account, as this is now.
    pub(super) fn is_good_for(&self, account: &Account) -> bool {
        account.active && self.issued > account.logins_from
    }
}

fn signing_key(algorithm: Algorithm, key: &SigningKey) -> (jsonwebtoken::Algorithm, EncodingKey) {
    match algorithm {
        Algorithm::Hs256 => (
            jsonwebtoken::Algorithm::HS256,
            EncodingKey::from_secret(key.bytes()),
        ),
        Algorithm::EdDsa => {
            let der = [&ED25519_PREFIX[..], key.bytes()].concat();
            let signing = EncodingKey::from_ed_der(&der);
            (jsonwebtoken::Algorithm::EdDSA, signing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Hs256, Algorithm::EdDsa];

    fn options(algorithm: Algorithm) -> Options {
        Options {
            algorithm,
            ..Options::default()
        }
    }

    fn account() -> Account {
        let now = UnixTime::now();
        Account {
            id: 7,
            name: "ann".to_owned(),
            email: "ann@example.org".to_owned(),
            active: true,
            created: now,
            logins_from: now,
        }
    }

    #[test]
    fn what_is_issued_is_read() {
        for algorithm in BOTH {
            let logins = Logins::new(&options(algorithm));
            let account = account();
            let login = logins.read(&logins.issue(&account)).expect("it is good");
            assert_eq!(login.account, 7);
            assert_eq!(login.id.len(), 32);
            assert!(login.is_good_for(&account));
            let other = logins.read(&logins.issue(&account)).expect("it is good");
            assert_ne!(other.id, login.id);
        }
    }

    #[test]
    fn a_new_password_ends_what_was_issued_before() {
        let logins = Logins::new(&options(Algorithm::Hs256));
        let mut account = account();
        let login = logins.read(&logins.issue(&account)).expect("it is good");
        account.logins_from = login.issued;
        assert!(!login.is_good_for(&account), "also in the same second");
        let login = logins.read(&logins.issue(&account)).expect("it is good");
        assert!(login.is_good_for(&account));
        account.active = false;
        assert!(!login.is_good_for(&account));
    }

    #[test]
    fn keys_algorithms_and_issuers_are_not_interchangeable() {
        let base = options(Algorithm::Hs256);
        let token = Logins::new(&base).issue(&account());
        let check = |change: fn(&mut Options), expected: bool| {
            let mut options = base.clone();
            change(&mut options);
            let read = Logins::new(&options).read(&token);
            assert_eq!(read.is_some(), expected);
        };
        check(|_| {}, true);
        check(|options| options.token_lifetime = Duration::ZERO, true);
        check(|options| options.key = SigningKey::random(), false);
        check(|options| options.algorithm = Algorithm::EdDsa, false);
        check(|options| options.base_url.push('x'), false);
    }

    #[test]
    fn what_has_expired_is_nothing() {
        for algorithm in BOTH {
            let options = Options {
                token_lifetime: Duration::ZERO,
                ..options(algorithm)
            };
            let logins = Logins::new(&options);
            assert_eq!(logins.read(&logins.issue(&account())), None);
        }
    }
}
