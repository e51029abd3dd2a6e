//! Failed sign-ins, counted: after too many of them there is no further try for a while.
//!
//! The counts live in Redis, shared by the processes; while Redis is away each process counts for itself. A count
//! begins with the first failure and ends [`WINDOW`] later. Unknown emails are counted like known ones.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sha2::{Digest, Sha256};

use crate::error::{Reason, Rejection};

/// How long failures count.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Failures that one email may have. A person mistypes a few times; a guesser gets 40 tries an hour.
const PER_EMAIL: u32 = 10;

/// Failures that one address may have, whatever the emails. Larger, because an office, a mobile network or a
/// storefront's server brings many people from one address.
const PER_CLIENT: u32 = 100;

/// Most counts that a process keeps while Redis is away; some 10 MB.
const KEPT: usize = 100_000;

/// Redis is asked once per try; a sign-in does not wait longer for it than this.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where a request comes from. The HTTP edge puts it into the context where it is known; without it only emails are
/// counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The counts.
pub struct Attempts {
    client: redis::Client,
    prefix: String,
    redis: OnceLock<ConnectionManager>,
    away: AtomicBool,
    local: Mutex<HashMap<String, (Instant, u32)>>,
}

/// What is counted for one try.
pub struct Attempt {
    email: Option<String>,
    client: Option<String>,
}

impl Attempt {
    fn limits(&self) -> impl Iterator<Item = (&String, u32)> {
        let limit = |limit: u32| move |key| (key, limit);
        self.email.iter().map(limit(PER_EMAIL)).chain(self.client.iter().map(limit(PER_CLIENT)))
    }
}

impl Attempts {
    /// Counts under keys that begin with `prefix`.
    pub fn new(client: redis::Client, prefix: &str) -> Self {
        let prefix = format!("{prefix}:sign-in");
        Self { client, prefix, redis: OnceLock::new(), away: AtomicBool::new(false), local: Mutex::default() }
    }

    /// Names what a try counts against. Neither Redis nor memory holds the email itself.
    pub fn of(&self, email: &str, client: Option<ClientAddr>) -> Attempt {
        let digest = Sha256::digest(email.trim().to_lowercase());
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Attempt { email: Some(format!("{}:email:{digest}", self.prefix)), ..self.of_client(client) }
    }

    /// Names what a try counts against that probes for emails.
    pub fn of_client(&self, client: Option<ClientAddr>) -> Attempt {
        let client = client.map(|client| format!("{}:client:{}", self.prefix, network(client.0)));
        Attempt { email: None, client }
    }

    /// Rejects a try after too many failures.
    pub async fn check(&self, attempt: &Attempt) -> Result<(), Rejection> {
        let limits: Vec<(&String, u32)> = attempt.limits().collect();
        let keys: Vec<&String> = limits.iter().map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let counts = self.redis_counts(&keys).await;
        self.note(&counts);
        // What could not be counted in Redis was counted here, and counts beside it.
        let counts = counts.unwrap_or_else(|_| vec![0; keys.len()]);
        let within = |((key, limit), count): (&(&String, u32), u32)| count + self.local_count(key) < *limit;
        if limits.iter().zip(counts).all(within) {
            return Ok(());
        }
        let message = "There were too many failed tries. Wait 15 minutes before the next one.";
        Err(Rejection::new(Reason::RateLimited, message))
    }

    /// Counts a failure.
    pub async fn failed(&self, attempt: &Attempt) {
        let counted = self.count_in_redis(attempt).await;
        self.note(&counted);
        if counted.is_err() {
            attempt.limits().for_each(|(key, _)| self.count_locally(key));
        }
    }

    /// Forgets the failures of the email. Those of the address stay: who guesses may have an account of their own.
    pub async fn succeeded(&self, attempt: &Attempt) {
        let Some(email) = &attempt.email else { return };
        self.counts().remove(email);
        if let Ok(mut redis) = self.redis() {
            let done: redis::RedisResult<()> = redis::cmd("UNLINK").arg(email).query_async(&mut redis).await;
            self.note(&done);
        }
    }

    /// Tells the log when Redis goes and when it comes back; not once for every sign-in between.
    fn note<T>(&self, outcome: &redis::RedisResult<T>) {
        match outcome {
            Err(error) if !self.away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "failed sign-ins are counted in this process only");
            }
            Ok(_) if self.away.swap(false, Ordering::Relaxed) => {
                tracing::info!("failed sign-ins are counted in Redis again");
            }
            _ => {}
        }
    }

    async fn redis_counts(&self, keys: &[&String]) -> redis::RedisResult<Vec<u32>> {
        let counts: Vec<Option<u32>> = redis::cmd("MGET").arg(keys).query_async(&mut self.redis()?).await?;
        Ok(counts.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn count_in_redis(&self, attempt: &Attempt) -> redis::RedisResult<()> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        for (key, _) in attempt.limits() {
            pipe.cmd("SET").arg(key).arg(0).arg("EX").arg(WINDOW.as_secs()).arg("NX").ignore();
            pipe.cmd("INCR").arg(key).ignore();
        }
        pipe.query_async(&mut self.redis()?).await
    }

    fn redis(&self) -> redis::RedisResult<ConnectionManager> {
        if let Some(connection) = self.redis.get() {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        Ok(self.redis.get_or_init(|| connection).clone())
    }

    fn local_count(&self, key: &str) -> u32 {
        self.counts().get(key).filter(|(since, _)| since.elapsed() < WINDOW).map_or(0, |(_, count)| *count)
    }

    fn count_locally(&self, key: &str) {
        let mut counts = self.counts();
        if counts.len() >= KEPT {
            counts.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        if counts.len() >= KEPT {
            // Redis is away and a very wide attack is under way: bounded memory comes first.
            counts.clear();
        }
        let entry = counts.entry(key.to_owned()).or_insert_with(|| (Instant::now(), 0));
        if entry.0.elapsed() >= WINDOW {
            *entry = (Instant::now(), 0);
        }
        entry.1 += 1;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, u32)>> {
        self.local.lock().expect("never poisoned: no code panics in it")
    }
}

/// An address as it is counted: an IPv6 customer has a whole /64 to choose from.
fn network(addr: IpAddr) -> String {
    match addr.to_canonical() {
        IpAddr::V4(addr) => addr.to_string(),
        IpAddr::V6(addr) => {
            let [a, b, c, d, ..] = addr.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_redis() -> Attempts {
        // A port that nothing listens on.
        Attempts::new(redis::Client::open("redis://127.0.0.1:1").unwrap(), "test")
    }

    #[tokio::test]
    async fn without_redis_the_process_counts_for_itself() {
        let attempts = without_redis();
        let attempt = attempts.of("Ada@example.com", None);
        for _ in 0..PER_EMAIL {
            assert!(attempts.check(&attempt).await.is_ok());
            attempts.failed(&attempts.of("ada@example.com ", None)).await;
        }
        assert_eq!(attempts.check(&attempt).await.unwrap_err().reason, Reason::RateLimited);
        assert!(attempts.check(&attempts.of("bob@example.com", None)).await.is_ok());
        attempts.succeeded(&attempt).await;
        assert!(attempts.check(&attempt).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_is_limited_whatever_the_emails() {
        let attempts = without_redis();
        let client = Some(ClientAddr([192, 0, 2, 1].into()));
        for number in 0..PER_CLIENT {
            attempts.failed(&attempts.of(&format!("{number}@example.com"), client)).await;
        }
        assert!(attempts.check(&attempts.of("new@example.com", client)).await.is_err());
        assert!(attempts.check(&attempts.of("new@example.com", None)).await.is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_ipv4() {
        assert_eq!(
            network("2001:db8:1:2:3::4".parse().unwrap()),
            network("2001:db8:1:2::9".parse().unwrap())
        );
        assert_ne!(network("2001:db8:1:2::".parse().unwrap()), network("2001:db8:1:3::".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
