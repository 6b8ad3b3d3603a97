//! `Logins`: JSON Web Tokens (RFC 7519) that say who has logged in. Must not know the store: whether
//! a login was revoked is for others to ask.

use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, TokenData, Validation};
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

/// What a token says: what is registered in RFC 7519, section 4.1, and one thing of our own. Each has
/// to be there, unless it says otherwise.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// Who made it.
    iss: String,
    /// The account's id.
    sub: String,
    /// From when on it is worth nothing.
    exp: i64,
    /// Before when it is worth nothing. We never say so, and keep it where it is said.
    #[serde(skip_serializing)]
    nbf: Option<i64>,
    /// When it was made.
    iat: i64,
    /// What it is revoked by.
    jti: String,
    /// Which of the account's passwords it was given for.
    generation: i64,
}

/// Who has logged in, by which password, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The account's id.
    pub(super) account: i64,
    /// What it is revoked by.
    pub(super) id: String,
    generation: i64,
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
        validation.validate_nbf = false;
        Logins {
            issuer: options.base_url.clone(),
            lifetime: options.token_lifetime,
            header: Header::new(algorithm),
            validation,
            signing,
            verifying: verifying.expect("32 bytes are a key in either algorithm"),
        }
    }

    /// A token for the owner of this account, who has shown to know the password that it had when it
    /// was read. If that was changed meanwhile, the token is worth nothing from the start.
    pub(super) fn issue(&self, account: &Account) -> String {
        let now = UnixTime::now();
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: account.id.to_string(),
            exp: now.after(self.lifetime).0,
            nbf: None,
            iat: now.0,
            jti: random::to_hex(&random::bytes::<16>()),
            generation: account.generation,
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.signing);
        token.expect("the key fits the algorithm")
    }

    /// What a token says that is signed by this key in this way, and is worth something now.
    pub(super) fn read(&self, token: &str) -> Option<Login> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation);
        let TokenData { header, claims } = decoded.ok()?;
        let now = UnixTime::now().0;
        let is_time = claims.nbf.unwrap_or(now) <= now && now < claims.exp;
        // Whoever makes something critical wants it understood (RFC 7515, section 4.1.11).
        if !is_time || header.crit.is_some() {
            return None;
        }
        Some(Login {
            account: claims.sub.parse().ok()?,
            id: claims.jti,
            generation: claims.generation,
            expires: UnixTime(claims.exp),
        })
    }
}

impl Login {
    /// Whether this login is still good for its account, as this is now.
    pub(super) fn is_good_for(&self, account: &Account) -> bool {
        account.active && self.generation == account.generation
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
        Account {
            id: 7,
            name: "ann".to_owned(),
            email: "ann@example.org".to_owned(),
            active: true,
            created: UnixTime::now(),
            generation: 1,
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
    fn a_login_is_good_for_one_password() {
        let logins = Logins::new(&options(Algorithm::Hs256));
        let mut account = account();
        let login = logins.read(&logins.issue(&account)).expect("it is good");
        let mut check = |active: bool, generation: i64, expected: bool| {
            (account.active, account.generation) = (active, generation);
            assert_eq!(login.is_good_for(&account), expected, "{generation}");
        };
        check(true, 1, true);
        check(true, 2, false);
        check(true, 0, false);
        check(false, 1, false);
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
