//! `Passwords`: hashing by argon2id, on threads of the pool and within a budget of its own, so that
//! a flood of logins holds up nobody else. Must not know accounts.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use container::handler::Patience;
use container::scheduler::SharedGate;
use container::{Problem, StatusCode, spawn_blocking};

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
            params,
            nobodys,
        }
    }

    /// The hash of a password, a PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, Problem> {
        let params = self.params.clone();
        self.run(move || hash(&params, &password)).await?
    }

    /// Compares a password with an account's hash, or with nobody's in the same time.
    pub(super) async fn verify(
        &self,
        password: String,
        known: Option<String>,
    ) -> Result<Verdict, Problem> {
        let params = self.params.clone();
        let compared = known.unwrap_or_else(|| self.nobodys.clone());
        self.run(move || verify(&params, &password, &compared))
            .await?
    }

    /// Runs `job` on a thread, when it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.gate.enter().await?;
        let job = move || {
            // Held as long as the thread is, also when nobody waits for it any more.
            let _permit = permit;
            job()
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

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &str) -> Result<String, Problem> {
    let hashed = argon2(params).hash_password(password.as_bytes());
    let hashed = hashed.map_err(|error| failed(&error.to_string()))?;
    Ok(hashed.to_string())
}

fn verify(params: &Params, password: &str, known: &str) -> Result<Verdict, Problem> {
    let parsed = PasswordHash::new(known);
    let parsed = parsed.map_err(|error| failed(&format!("a hash in the store: {error}")))?;
    if argon2(params)
        .verify_password(password.as_bytes(), &parsed)
        .is_err()
    {
        return Ok(Verdict::Wrong);
    }
    let is_todays = Params::try_from(&parsed).is_ok_and(|used| used == *params);
    if is_todays && parsed.algorithm == Algorithm::Argon2id.ident() {
        Ok(Verdict::Right)
    } else {
        hash(params, password).map(Verdict::Outdated)
    }
}

/// What no client can help; why is for the log.
fn failed(reason: &str) -> Problem {
    log::error!("passwords: {reason}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost::CHEAPEST;

    fn at(passes: u32) -> Params {
        params(PasswordCost { passes, ..CHEAP })
    }

    #[test]
    fn hashes_are_salted_and_say_their_cost() {
        let [first, second] = [0, 1].map(|_| hash(&at(2), "Secret12").expect("it is hashed"));
        assert!(first.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
    }

    #[test]
    fn the_default_is_what_owasp_recommends() {
        let params = params(PasswordCost::default());
        assert_eq!(params.to_string(), "m=19456,t=2,p=1");
    }

    #[test]
    fn verdicts() {
        let known = hash(&at(1), "Secret12").expect("it is hashed");
        let check = |params: &Params, password: &str, expected: &str| {
            let verdict = verify(params, password, &known).expect("the hash is one");
            let shown = match &verdict {
                Verdict::Wrong => "wrong",
                Verdict::Right => "right",
                Verdict::Outdated(hash) => {
                    assert_eq!(verify(params, password, hash).ok(), Some(Verdict::Right));
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
        let verdict = verify(&at(3), "Secret12", &passwords.nobodys);
        assert_eq!(verdict.ok(), Some(Verdict::Wrong));
    }

    #[test]
    fn a_broken_hash_is_not_the_clients_fault() {
        let problem = verify(&at(1), "Secret12", "plain text").expect_err("it is no hash");
        assert_eq!((problem.status().as_u16(), problem.detail()), (500, ""));
    }
}
