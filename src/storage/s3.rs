//! A bucket of S3, or of something that speaks its protocol.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::config::S3Config;

/// Longest silence of the service; a whole file may take longer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A request is tried again for so long: people wait for it.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_RETRIES: usize = 4;

/// Connects to nothing yet.
pub(super) fn open(config: &S3Config) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let store =
        build(config).context("the storage cannot be used (IRONMONGER_STORAGE_URL, IRONMONGER_S3_…)")?;
    Ok(match config.prefix.as_str() {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    })
}

fn build(config: &S3Config) -> object_store::Result<AmazonS3> {
    let client = ClientOptions::new().with_timeout_disabled().with_read_timeout(READ_TIMEOUT);
    let retry =
        RetryConfig { max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = &config.endpoint {
        builder =
            builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(match config.path_style {
                true => endpoint.clone(),
                false => with_host_prefix(endpoint, &config.bucket),
            });
    }
    if let Some((key, secret)) = &config.credentials {
        builder = builder.with_access_key_id(key).with_secret_access_key(secret.reveal());
    }
    builder.build()
}

/// `https://bucket.host` of `https://host`.
fn with_host_prefix(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{host}"),
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::with_host_prefix;

    #[test]
    fn the_bucket_can_stand_in_the_host_name() {
        assert_eq!(
            with_host_prefix("https://s3.example.com:9000", "shop"),
            "https://shop.s3.example.com:9000"
        );
    }
}
