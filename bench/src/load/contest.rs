//! Contestants measured turn by turn, so that what else the machine does meets all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::JoinSet;

use super::http::{Connection, Request, refuse_error};
use crate::report::percentile;

/// Who is measured: a server, and what it is asked.
#[derive(Clone)]
pub struct Contestant {
    /// As the report names it.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it is asked, one after the other.
    pub requests: Arc<Requests>,
}

/// Requests, and the place of the next one.
pub struct Requests {
    all: Vec<Request>,
    next: AtomicUsize,
    again: bool,
}

impl Requests {
    /// Asked again and again.
    pub fn cycle(all: Vec<Request>) -> Arc<Self> {
        Arc::new(Self { all, next: AtomicUsize::new(0), again: true })
    }

    /// Each asked once; the run fails when they run out.
    pub fn once(all: Vec<Request>) -> Arc<Self> {
        Arc::new(Self { all, next: AtomicUsize::new(0), again: false })
    }

    fn take(&self) -> anyhow::Result<&Request> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let place = if self.again { place % self.all.len() } else { place };
        self.all.get(place).context("the prepared requests have run out: prepare more or measure less")
    }
}

/// How a contest is held.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Connections at a time; each sends its next request when it has the answer to the last one.
    pub concurrency: usize,
    /// How often each contestant has its turn.
    pub rounds: usize,
    /// How long a turn takes.
    pub turn: Duration,
    /// How long each runs before the first turn.
    pub warm_up: Duration,
}

/// What a contestant did.
#[derive(Debug, Default, Clone)]
pub struct Score {
    /// Milliseconds from request to answer, all turns.
    pub latencies_ms: Vec<f64>,
    /// Requests per second, turn by turn.
    pub rates: Vec<f64>,
}

impl Score {
    /// Requests per second: the median of the turns.
    pub fn rate(&self) -> f64 {
        percentile(&mut self.rates.clone(), 0.5)
    }

    /// The latency that this share of the answers kept.
    pub fn latency_ms(&mut self, share: f64) -> f64 {
        percentile(&mut self.latencies_ms, share)
    }

    /// Its rate as a share of another's: the median of the turns, and the lowest and highest of them.
    pub fn ratio_to(&self, other: &Score) -> (f64, f64, f64) {
        let mut ratios: Vec<f64> =
            self.rates.iter().zip(&other.rates).map(|(own, other)| own / other).collect();
        let median = percentile(&mut ratios, 0.5);
        (median, ratios.first().copied().unwrap_or(f64::NAN), ratios.last().copied().unwrap_or(f64::NAN))
    }
}

/// Measures the contestants turn by turn: A, B, A, B, … The first answer that is an error ends the run.
pub async fn hold(contestants: &[Contestant], rules: Rules) -> anyhow::Result<Vec<Score>> {
    for contestant in contestants {
        turn(contestant, rules.concurrency, rules.warm_up).await?;
    }
    let mut scores = vec![Score::default(); contestants.len()];
    for _ in 0..rules.rounds {
        for (contestant, score) in contestants.iter().zip(&mut scores) {
            let (latencies_ms, rate) = turn(contestant, rules.concurrency, rules.turn).await?;
            score.latencies_ms.extend(latencies_ms);
            score.rates.push(rate);
        }
    }
    Ok(scores)
}

/// One turn: its latencies and its rate.
pub async fn turn(
    contestant: &Contestant,
    concurrency: usize,
    duration: Duration,
) -> anyhow::Result<(Vec<f64>, f64)> {
    let mut connections = Vec::with_capacity(concurrency);
    for _ in 0..concurrency {
        connections.push(Connection::open(contestant.addr).await?);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let requests = contestant.requests.clone();
        tasks.spawn(async move {
            let mut latencies_ms = Vec::new();
            while started.elapsed() < duration {
                let request = requests.take()?;
                let sent = Instant::now();
                let (status, body) = connection.send(request).await?;
                latencies_ms.push(sent.elapsed().as_secs_f64() * 1000.0);
                refuse_error(status, body)?;
            }
            anyhow::Ok(latencies_ms)
        });
    }
    let mut latencies_ms = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        latencies_ms.extend(ended?.with_context(|| contestant.name.clone())?);
    }
    if latencies_ms.is_empty() {
        bail!("{} answered nothing", contestant.name);
    }
    let rate = latencies_ms.len() as f64 / started.elapsed().as_secs_f64();
    Ok((latencies_ms, rate))
}
