//! One answer that is kept.

use std::io::Write;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use axum::http::HeaderValue;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::change::Dependencies;
use super::journal::Stamp;
use super::snapshot::Snapshot;

/// Smaller bodies are not worth the work of compressing them.
const COMPRESS_ABOVE_BYTES: usize = 1024;

/// The body of an answer without errors, and what is known about it.
pub struct Entry {
    /// `{"data":…}`
    body: Body,
    /// The same compressed, once somebody wanted it so and it is smaller.
    gzip: OnceLock<Option<Body>>,
    /// When it was made, on the clock of its maker.
    pub(super) filled_at: DateTime<Utc>,
    pub(super) depends: Dependencies,
    /// What it has seen at least.
    pub(super) snapshot: Arc<Snapshot>,
    /// Up to where the journal holds nothing that touches it.
    pub(super) position: AtomicU64,
}

/// Bytes as they are sent, and their entity tag.
#[derive(Debug, Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// Strong: other bytes have another one.
    pub etag: HeaderValue,
}

impl Entry {
    /// The position of an answer that was touched: it may only be served as stale.
    pub(super) const TOUCHED: u64 = u64::MAX;

    /// An answer that has seen at least `stamp`.
    pub fn new(bytes: Bytes, depends: Dependencies, stamp: &Stamp) -> Self {
        Self {
            body: Body::new(bytes, ""),
            gzip: OnceLock::new(),
            filled_at: stamp.at,
            depends,
            snapshot: stamp.snapshot.clone(),
            position: AtomicU64::new(stamp.position),
        }
    }

    /// The body in UTF-8.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The body compressed with gzip; none when that is not worthwhile.
    pub fn gzip(&self) -> Option<&Body> {
        self.gzip.get_or_init(|| compress(&self.body.bytes).map(|bytes| Body::new(bytes, "-gzip"))).as_ref()
    }

    /// About how much memory it takes.
    pub fn size(&self) -> u32 {
        // Half as much again for the compressed body.
        let size = self.body.bytes.len() * 3 / 2 + self.depends.ids.len() * 16 + 512;
        u32::try_from(size).unwrap_or(u32::MAX)
    }

    /// How old it is, in whole seconds.
    pub fn age_seconds(&self, now: DateTime<Utc>) -> i64 {
        (now - self.filled_at).num_seconds().max(0)
    }

    /// For Redis: what is known about it as a line of JSON, then the body.
    pub(super) fn encode(&self) -> Vec<u8> {
        let head = Head {
            snapshot: self.snapshot.to_string(),
            filled_us: self.filled_at.timestamp_micros(),
            depends: self.depends.clone(),
        };
        let mut bytes = serde_json::to_vec(&head).expect("plain data");
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body.bytes);
        bytes
    }

    /// What [`Entry::encode`] wrote; touched until the journal admits it. None for anything else.
    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let line = bytes.iter().position(|&byte| byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..line]).ok()?;
        let stamp = Stamp {
            position: Self::TOUCHED,
            snapshot: Arc::new(head.snapshot.parse().ok()?),
            at: DateTime::from_timestamp_micros(head.filled_us)?,
        };
        Some(Self::new(bytes.slice(line + 1..), head.depends, &stamp))
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    snapshot: String,
    filled_us: i64,
    depends: Dependencies,
}

impl Body {
    fn new(bytes: Bytes, suffix: &str) -> Self {
        let digest = Sha256::digest(&bytes);
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::try_from(format!("\"{digest}{suffix}\"")).expect("letters and digits");
        Self { bytes, etag }
    }
}

fn compress(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < COMPRESS_ABOVE_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(4));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < bytes.len()).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_answer_survives_the_way_through_redis() {
        let stamp = Stamp {
            position: 7,
            snapshot: Arc::new("10:20:12".parse().unwrap()),
            at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        };
        let depends = Dependencies { any: 16, own: 255, ids: [Uuid::from_u128(5)].into() };
        let entry = Entry::new("{\"data\":{\"a\":\"x\\ny\"}}".into(), depends, &stamp);
        let read = Entry::decode(entry.encode().into()).unwrap();
        assert_eq!(read.body.bytes, entry.body.bytes);
        assert_eq!(read.body.etag, entry.body.etag);
        assert_eq!((&read.depends, &read.snapshot), (&entry.depends, &entry.snapshot));
        assert_eq!(read.filled_at, entry.filled_at);
        assert_eq!(read.position.load(Ordering::Relaxed), Entry::TOUCHED);
        assert!(Entry::decode("nonsense".into()).is_none());
        assert!(Entry::decode("{}\n{}".into()).is_none());
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        let stamp = Stamp { position: 0, snapshot: Arc::new(Snapshot::blind()), at: DateTime::UNIX_EPOCH };
        let depends = Dependencies { any: 0, own: 0, ids: Box::default() };
        let entry = |bytes: Bytes| Entry::new(bytes, depends.clone(), &stamp);
        assert!(entry("short".into()).gzip().is_none());
        let long = entry("long ".repeat(1_000).into());
        assert!(long.gzip().unwrap().bytes.len() < 200);
        assert_ne!(long.gzip().unwrap().etag, long.body().etag);
    }
}
