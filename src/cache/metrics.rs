//! What the cache counts.

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Where the answer to a cacheable query came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This process.
    Process,
    /// Redis.
    Shared,
    /// PostgreSQL; others may have waited for the same.
    Miss,
    /// A level that cannot vouch for it, because PostgreSQL is away.
    Stale,
    /// PostgreSQL, because the query or its viewer is not for the cache.
    Bypass,
}

impl Source {
    /// As metrics name it.
    fn label(self) -> &'static str {
        match self {
            Source::Process => "process",
            Source::Shared => "shared",
            Source::Miss => "miss",
            Source::Stale => "stale",
            Source::Bypass => "bypass",
        }
    }

    /// As the header `Ironmonger-Cache` says it.
    pub fn header(self) -> &'static str {
        match self {
            Source::Process | Source::Shared => "hit",
            other => other.label(),
        }
    }
}

/// Says what the numbers mean, once the recorder is there.
pub fn describe() {
    describe_counter!("ironmonger_cache_answers_total", "Queries by where their answer came from");
    describe_counter!(
        "ironmonger_cache_fills_total",
        "Answers made for the cache, by whether they could be kept"
    );
    describe_counter!("ironmonger_cache_changes_total", "Changes of the catalog that were read from the log");
    describe_gauge!("ironmonger_cache_bytes", "Memory of the answers that are kept");
    describe_gauge!("ironmonger_cache_answers", "Answers that are kept in memory");
}

/// A query was answered.
pub fn answered(source: Source) {
    counter!("ironmonger_cache_answers_total", "source" => source.label()).increment(1);
}

/// An answer was made.
pub(super) fn filled(kept: bool) {
    counter!("ironmonger_cache_fills_total", "kept" => if kept { "yes" } else { "no" }).increment(1);
}

/// Changes were read.
pub(super) fn changes(count: usize) {
    if count > 0 {
        counter!("ironmonger_cache_changes_total").increment(count as u64);
    }
}

/// What is kept.
pub(super) fn kept(answers: u64, bytes: u64) {
    gauge!("ironmonger_cache_answers").set(answers as f64);
    gauge!("ironmonger_cache_bytes").set(bytes as f64);
}
