//! Password hashes: Argon2id, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Error, Result};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash of no password, in the form of a real one: verified where there is no user, so that the answer takes as
/// long as for a wrong password.
const DUMMY_SALT_AND_HASH: &str = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies passwords. Each takes 19 MiB and tens of milliseconds of a core, so no more of them run at once
/// than there are cores; the rest wait in turn.
pub struct Passwords {
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// The right to hash once; holds one of the places.
pub struct Turn {
    _place: OwnedSemaphorePermit,
}

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password of this hash.
    Wrong,
    /// The password.
    Right,
    /// The password, but hashed with parameters that are no longer the ones in use.
    RightButOutdated,
}

impl Passwords {
    /// `patience` is how long a caller waits for a turn: as long as the client does.
    pub fn new(patience: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(cores)), patience }
    }

    /// Waits for a turn; `LIMIT_EXCEEDED` when too many are ahead.
    pub async fn turn(&self) -> Result<Turn> {
        match tokio::time::timeout(self.patience, self.turns.clone().acquire_owned()).await {
            Ok(place) => Ok(Turn { _place: place.map_err(Error::fault)? }),
            Err(_) => Err(Error::request(
                Code::LimitExceeded,
                "Too many people are signing in just now. Try again in a moment.",
            )),
        }
    }
}

impl Turn {
    /// The PHC string of a password, with a salt of its own.
    pub async fn hash(self, password: String) -> Result<String> {
        let (_, hashed) =
            self.run(move || Ok(hasher()?.hash_password(password.as_bytes())?.to_string())).await?;
        Ok(hashed)
    }

    /// Compares; `None` takes as long and is wrong. Gives the turn back, for what must happen before another try.
    pub async fn verify(self, password: String, hash: Option<String>) -> Result<(Turn, Verdict)> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(dummy);
            let parsed = PasswordHash::new(&hash)?;
            let right = hasher()?.verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(match (known && right, is_current(&parsed)) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
            })
        })
        .await
    }

    /// Runs on a thread that may block, with the turn: a caller that gives up leaves the work, and the place it takes.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<(Turn, T)> {
        let done = tokio::task::spawn_blocking(move || work().map(|value| (self, value)));
        Ok(done.await.map_err(Error::fault)??)
    }
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range")
}

fn hasher() -> anyhow::Result<Argon2<'static>> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params()))
}

fn dummy() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${DUMMY_SALT_AND_HASH}")
}

fn is_current(hash: &PasswordHash) -> bool {
    let same_params = Params::try_from(hash)
        .is_ok_and(|used| (used.m_cost(), used.t_cost(), used.p_cost()) == (MEMORY_KIB, PASSES, LANES));
    same_params && hash.algorithm == argon2::ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(Duration::from_secs(60))
    }

    async fn verdict(password: &str, hash: Option<String>) -> Verdict {
        passwords().turn().await.unwrap().verify(password.into(), hash).await.unwrap().1
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let hash = passwords().turn().await.unwrap().hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(verdict("correct horse", Some(hash.clone())).await, Verdict::Right);
        assert_eq!(verdict("battery staple", Some(hash)).await, Verdict::Wrong);
        assert_eq!(verdict("correct horse", None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_outdated() {
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
        let hash = old.hash_password(b"correct horse").unwrap().to_string();
        assert_eq!(verdict("correct horse", Some(hash)).await, Verdict::RightButOutdated);
    }

    #[test]
    fn the_dummy_costs_what_a_real_hash_costs() {
        assert!(is_current(&PasswordHash::new(&dummy()).unwrap()));
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_so() {
        let passwords = Passwords { turns: Arc::new(Semaphore::new(1)), patience: Duration::from_millis(5) };
        let _taken = passwords.turn().await.unwrap();
        let refused = passwords.turn().await.err().unwrap();
        assert!(matches!(refused, Error::Request { code: Code::LimitExceeded, .. }));
    }
}
