//! `Passwords`: hashing by argon2id, on threads that give way to all others and within a budget of its
//! own, so that a flood of logins holds up nobody else. Must not know accounts.

use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use container::handler::Patience;
use container::scheduler::SharedGate;
use container::{Problem, StatusCode, spawn_blocking};

use super::hashers::{Hashers, Memory};
use super::options::{PasswordCost, PasswordOptions};

/// When those are to try again who find no thread free, in seconds: hashes take some 20 ms each.
const RETRY_AFTER: u32 = 1;

/// Salt and hash, in the base64 of PHC strings, that are compared where there is no account: 16 and
/// 32 bytes that no password is known for.
const NOBODYS_SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const NOBODYS_HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords and compares them. Clones share one budget.
#[derive(Clone)]
pub(super) struct Passwords {
    gate: SharedGate,
    hashers: Hashers,
    params: Params,
    /// What is compared where there is no account, so that it takes as long as where there is one.
    nobodys: String,
}

/// What comparing a password came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is another one, or there is no account.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and was hashed at another cost: its hash at today's.
    Outdated(String),
}

impl Passwords {
    pub(super) fn new(options: &PasswordOptions) -> Self {
        let params = params(options.cost);
        let nobodys = format!("$argon2id$v=19${params}${NOBODYS_SALT}${NOBODYS_HASH}");
        let patience = Patience::of(options.patience);
        Passwords {
            gate: SharedGate::new(options.concurrency, options.queue, patience),
            hashers: Hashers::new(options.concurrency),
            params,
            nobodys,
        }
    }

    /// The hash of a password, a PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, Problem> {
        let params = self.params.clone();
        self.run(move |memory| hash(&params, &password, memory))
            .await?
    }

    /// Compares a password with an account's hash, or with nobody's in the same time.
    pub(super) async fn verify(
        &self,
        password: String,
        known: Option<String>,
    ) -> Result<Verdict, Problem> {
        let params = self.params.clone();
        let compared = known.unwrap_or_else(|| self.nobodys.clone());
        self.run(move |memory| verify(&params, &password, &compared, memory))
            .await?
    }

    /// Runs `job` on a thread, when it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.gate.enter().await?;
        let hashers = self.hashers.clone();
        // The pool's thread waits for the other, so that the pool's limits and its watchdog see it.
        let job = move || {
            // Held as long as the thread is, also when nobody waits for it any more.
            let _permit = permit;
            hashers.run(job)
        };
        match spawn_blocking(job).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panicked)) => Err(failed(&panicked.message)),
            Err(_full) => Err(Problem::unavailable("there is no thread free", RETRY_AFTER)),
        }
    }
}

/// At what cost passwords are hashed.
fn params(cost: PasswordCost) -> Params {
    let memory = cost.memory_kib.max(Params::MIN_M_COST);
    let passes = cost.passes.max(Params::MIN_T_COST);
    let output = Some(Params::DEFAULT_OUTPUT_LEN);
    // A second lane would only be of use with a second thread.
    let params = Params::new(memory, passes, Params::MIN_P_COST, output);
    params.expect("it is as much as argon2 takes")
}

fn hash(params: &Params, password: &str, memory: &mut Memory) -> Result<String, Problem> {
    let salt = Salt::generate();
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let hashed = ParamsString::try_from(params)
        .and_then(|params| Ok((params, output(&argon2, password, &salt, memory)?)));
    let (params, output) = hashed.map_err(|error| failed(&error.to_string()))?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

fn verify(
    params: &Params,
    password: &str,
    known: &str,
    memory: &mut Memory,
) -> Result<Verdict, Problem> {
    let broken = |error: Error| failed(&format!("a hash in the store: {error}"));
    let parsed = PasswordHash::new(known).map_err(|error| broken(error.into()))?;
    let used = Params::try_from(&parsed).map_err(broken)?;
    if !is_password(&parsed, &used, password, memory).map_err(broken)? {
        return Ok(Verdict::Wrong);
    }
    if used == *params && parsed.algorithm == Algorithm::Argon2id.ident() {
        Ok(Verdict::Right)
    } else {
        hash(params, password, memory).map(Verdict::Outdated)
    }
}

/// Compares a password with a hash of the cost `used`, in a time that does not depend on how much of
/// it is alike.
fn is_password(
    known: &PasswordHash,
    used: &Params,
    password: &str,
    memory: &mut Memory,
) -> Result<bool, Error> {
    let algorithm = Algorithm::try_from(known.algorithm.as_str())?;
    let version = known
        .version
        .map_or(Ok(Version::V0x13), Version::try_from)?;
    let argon2 = Argon2::new(algorithm, version, used.clone());
    let salt = known.salt.ok_or(Error::SaltInvalid)?;
    let output = output(&argon2, password, &salt, memory)?;
    // `Output` compares in constant time.
    Ok(known.hash == Some(output))
}

fn output(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &Salt,
    memory: &mut Memory,
) -> Result<Output, Error> {
    let params = argon2.params();
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = &mut bytes[..length];
    let blocks = memory.blocks(params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, bytes, blocks)?;
    Ok(Output::new(bytes)?)
}

/// What no client can help; why is for the log.
fn failed(reason: &str) -> Problem {
    log::error!("passwords: {reason}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    const CHEAP: PasswordCost = PasswordCost::CHEAPEST;

    fn at(passes: u32) -> Params {
        params(PasswordCost { passes, ..CHEAP })
    }

    fn hashed(passes: u32) -> String {
        hash(&at(passes), "Secret12", &mut Memory::default()).expect("it is hashed")
    }

    fn verified(params: &Params, password: &str, known: &str) -> Result<Verdict, Problem> {
        verify(params, password, known, &mut Memory::default())
    }

    #[test]
    fn hashes_are_salted_and_say_their_cost() {
        let [first, second] = [0, 1].map(|_| hashed(2));
        assert!(first.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
    }

    #[test]
    fn hashes_are_those_of_everybody_else() {
        let argon2 = Argon2::from(at(2));
        let ours = PasswordHash::new(&hashed(2)).expect("it is a hash");
        assert!(argon2.verify_password(b"Secret12", &ours).is_ok());
        let theirs = argon2.hash_password(b"Secret12").expect("it is hashed");
        let verdict = verified(&at(2), "Secret12", &theirs.to_string());
        assert_eq!(verdict.ok(), Some(Verdict::Right));
    }

    #[test]
    fn the_default_is_what_owasp_recommends() {
        let params = params(PasswordCost::default());
        assert_eq!(params.to_string(), "m=19456,t=2,p=1");
    }

    #[test]
    fn verdicts() {
        let known = hashed(1);
        let check = |params: &Params, password: &str, expected: &str| {
            let verdict = verified(params, password, &known).expect("the hash is one");
            let shown = match &verdict {
                Verdict::Wrong => "wrong",
                Verdict::Right => "right",
                Verdict::Outdated(hash) => {
                    assert_eq!(verified(params, password, hash).ok(), Some(Verdict::Right));
                    "outdated"
                }
            };
            assert_eq!(shown, expected, "{password}");
        };
        check(&at(1), "Secret12", "right");
        check(&at(1), "secret12", "wrong");
        check(&at(1), "", "wrong");
        check(&at(2), "Secret12", "outdated");
        check(&at(2), "secret12", "wrong");
    }

    #[test]
    fn nobodys_hash_costs_as_much_and_fits_no_password() {
        let options = PasswordOptions {
            cost: PasswordCost { passes: 3, ..CHEAP },
            ..PasswordOptions::default()
        };
        let passwords = Passwords::new(&options);
        let parsed = PasswordHash::new(&passwords.nobodys).expect("it is a hash");
        assert_eq!(Params::try_from(&parsed), Ok(at(3)));
        let verdict = verified(&at(3), "Secret12", &passwords.nobodys);
        assert_eq!(verdict.ok(), Some(Verdict::Wrong));
    }

    #[test]
    fn a_broken_hash_is_not_the_clients_fault() {
        let problem = verified(&at(1), "Secret12", "plain text").expect_err("it is no hash");
        assert_eq!((problem.status().as_u16(), problem.detail()), (500, ""));
    }
}
