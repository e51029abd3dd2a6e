//! Documents that are named instead of sent: automatic persisted queries, and trusted documents.
//!
//! A client that sends the SHA-256 of a document instead of the document (`extensions.persistedQuery`, Apollo's protocol)
//! gets `PERSISTED_QUERY_NOT_FOUND` the first time, sends both, and may send the hash alone from then on, to any process: the
//! texts lie in memory and in Redis, in both within a bound, and come again when they were forgotten.
//!
//! A manifest lists documents that were known when a frontend was built. Its ids are sent as `documentId` or as the hash. When
//! nothing else is to be served, only staff may send other documents.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::access::Viewer;
use crate::cache::Shared;
use crate::config::{CacheConfig, Config};

use super::edge::Edge;
use super::params::Params;
use super::refusal::Refusal;

/// The client has to send the document.
pub const NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
/// The hash is of another document.
pub const MISMATCH: &str = "PERSISTED_QUERY_MISMATCH";
/// Only documents of the manifest are served.
pub const NOT_TRUSTED: &str = "DOCUMENT_NOT_TRUSTED";

/// Longer documents are not kept; their senders send them every time.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// The texts in memory, and the texts that a process puts into Redis in a day.
const MEMORY_BYTES: u64 = 4 * 1024 * 1024;
const SHARED_BYTES: u64 = 8 * 1024 * 1024;
const SHARED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The documents of the manifest.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<str>>,
    texts: HashSet<Arc<str>>,
    /// Others than staff get no other documents.
    only: bool,
}

/// A manifest as `generate-persisted-query-manifest` of Apollo writes it, or as relay-compiler does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { operations: Vec<ManifestOperation> },
    Relay(HashMap<String, String>),
}

#[derive(Deserialize)]
struct ManifestOperation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// As the configuration says; an error names the file that cannot be used.
    pub fn load(config: &CacheConfig) -> anyhow::Result<Self> {
        let Some(path) = &config.documents_file else { return Ok(Self::default()) };
        let name = || format!("IRONMONGER_DOCUMENTS_FILE: {}", path.display());
        let text = std::fs::read_to_string(path).with_context(name)?;
        Self::parse(&text, config.documents_only).with_context(name)
    }

    fn parse(manifest: &str, only: bool) -> anyhow::Result<Self> {
        let documents: Vec<(String, String)> =
            match serde_json::from_str(manifest).context("neither Apollo's nor Relay's form")? {
                Manifest::Apollo { operations } => {
                    operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
                }
                Manifest::Relay(documents) => documents.into_iter().collect(),
            };
        let mut trusted = Self { only, ..Self::default() };
        for (id, text) in documents {
            let text: Arc<str> = text.into();
            trusted.texts.insert(text.clone());
            trusted.by_id.insert(id, text);
        }
        Ok(trusted)
    }
}

/// The documents that clients have named.
pub struct Persisted {
    memory: moka::future::Cache<String, Arc<str>>,
    shared: Shared,
}

impl Persisted {
    /// Knows none yet.
    pub fn new(config: &Config, redis: &redis::Client) -> Self {
        let memory = moka::future::Cache::builder()
            .max_capacity(MEMORY_BYTES)
            .weigher(|_, text: &Arc<str>| u32::try_from(text.len() + 200).unwrap_or(u32::MAX))
            .build();
        let prefix = format!("{}:document", config.redis_prefix);
        Self { memory, shared: Shared::new(redis.clone(), &prefix, SHARED_BYTES, SHARED_FOR) }
    }

    async fn find(&self, hash: &str) -> Option<Arc<str>> {
        if let Some(text) = self.memory.get(hash).await {
            return Some(text);
        }
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let text = self.shared.get(hash).await?;
        let text: Arc<str> = std::str::from_utf8(&text).ok()?.into();
        // Redis is not more trusted than a client.
        (digest(&text) == hash).then_some(())?;
        self.memory.insert(hash.to_owned(), text.clone()).await;
        Some(text)
    }

    async fn keep(&self, hash: &str, text: &str) {
        if text.len() > MAX_KEPT_BYTES || self.memory.contains_key(hash) {
            return;
        }
        self.memory.insert(hash.to_owned(), text.into()).await;
        let (shared, hash, text) = (self.shared.clone(), hash.to_owned(), text.to_owned());
        tokio::spawn(async move { shared.put(&hash, text.into_bytes(), SHARED_FOR).await });
    }
}

impl Edge {
    /// Puts the text of the document into the parameters that only name it, and checks that the viewer may send it.
    pub async fn resolve(&self, params: &mut Params, viewer: &Viewer) -> Result<(), Refusal> {
        let trusted = &self.app.trusted;
        let sent = !params.query.is_empty();
        if !sent {
            params.query = self.named(params).await.ok_or_else(not_found)?.as_ref().to_owned();
        }
        if trusted.only && !trusted.texts.contains(params.query.as_str()) && !is_staff(viewer) {
            let message = "This shop serves the documents of its frontends only.";
            return Err(Refusal::document(NOT_TRUSTED, message, Vec::new()));
        }
        if let Some(hash) = params.hash.as_deref().filter(|_| sent) {
            if digest(&params.query) != hash {
                let message = "The hash is of another document.";
                return Err(Refusal::document(MISMATCH, message, Vec::new()));
            }
            // What cannot be executed is not kept.
            self.documents.get(&params.query)?;
            self.persisted.keep(hash, &params.query).await;
        }
        Ok(())
    }

    async fn named(&self, params: &Params) -> Option<Arc<str>> {
        let trusted = &self.app.trusted;
        if let Some(id) = &params.document_id {
            if let Some(text) = trusted.by_id.get(id) {
                return Some(text.clone());
            }
            if let Some(hash) = id.strip_prefix("sha256:") {
                return self.persisted.find(hash).await;
            }
        }
        let hash = params.hash.as_deref()?;
        match trusted.by_id.get(hash) {
            Some(text) => Some(text.clone()),
            None => self.persisted.find(hash).await,
        }
    }
}

/// As Apollo's server says it, word for word: with 200, since nothing is wrong.
fn not_found() -> Refusal {
    let refusal = Refusal::document(NOT_FOUND, "PersistedQueryNotFound", Vec::new());
    Refusal { status: StatusCode::OK, ..refusal }
}

fn is_staff(viewer: &Viewer) -> bool {
    match viewer {
        Viewer::Anonymous => false,
        Viewer::User(user) => !user.permissions.is_empty(),
        Viewer::System => true,
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_apollo_and_relay_are_read() {
        let apollo = r#"{"format":"apollo-persisted-query-manifest","version":1,
            "operations":[{"id":"a1","name":"A","type":"query","body":"query A { shop { name } }"}]}"#;
        let relay = r#"{"a1":"query A { shop { name } }"}"#;
        for manifest in [apollo, relay] {
            let trusted = TrustedDocuments::parse(manifest, true).unwrap();
            assert_eq!(trusted.by_id["a1"].as_ref(), "query A { shop { name } }");
            assert!(trusted.texts.contains("query A { shop { name } }"));
        }
        assert!(TrustedDocuments::parse("[]", true).is_err());
    }
}
