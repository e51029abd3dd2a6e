//! Where files lie, and how images are taken and reached.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Vars;

/// Where the files that the processes share lie.
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// `IRONMONGER_STORAGE_URL=file:///path`: a folder. By default `storage` in the data directory.
    Folder(PathBuf),
    /// `IRONMONGER_STORAGE_URL=s3://bucket/prefix`: S3, or what speaks its protocol.
    S3(S3Config),
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What every key begins with; may be empty.
    pub prefix: String,
    /// `IRONMONGER_S3_ENDPOINT`: of a service other than Amazon's. Plain `http://` is for services on the same machine or
    /// network.
    pub endpoint: Option<String>,
    /// `IRONMONGER_S3_REGION`. Default us-east-1.
    pub region: String,
    /// `IRONMONGER_S3_ACCESS_KEY_ID` and `IRONMONGER_S3_SECRET_ACCESS_KEY`. Without them the role of the machine counts.
    pub credentials: Option<(String, Secret)>,
    /// `IRONMONGER_S3_PATH_STYLE`: the bucket stands in the path instead of the host name. Default true with an endpoint.
    pub path_style: bool,
}

/// Uploaded images.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// `IRONMONGER_MEDIA_URL`: what the addresses of stored images begin with. Default `/media` below the public URL.
    pub url: String,
    /// `IRONMONGER_IMAGE_LIMIT_BYTES`: largest file. Default 20 MiB.
    pub limit_bytes: u64,
    /// `IRONMONGER_IMAGE_LIMIT_PIXELS`: most pixels. Default 50,000,000.
    pub limit_pixels: u64,
}

/// A value that no log shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl StorageConfig {
    pub(super) fn read<F: Fn(&str) -> Option<String>>(vars: &mut Vars<F>, data_dir: &Path) -> Self {
        let default = StorageConfig::Folder(data_dir.join("storage"));
        let Some(url) = vars.text("IRONMONGER_STORAGE_URL") else { return default };
        if let Some(path) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return StorageConfig::Folder(path.into());
        }
        let bucket = url.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        match bucket {
            Some((bucket, prefix)) if !bucket.is_empty() => {
                let prefix = prefix.trim_matches('/').to_owned();
                StorageConfig::S3(S3Config::read(vars, bucket.to_owned(), prefix))
            }
            _ => {
                let problem = "IRONMONGER_STORAGE_URL: must be file:///folder or s3://bucket/prefix";
                vars.problems.push(problem.into());
                default
            }
        }
    }
}

impl S3Config {
    fn read<F: Fn(&str) -> Option<String>>(vars: &mut Vars<F>, bucket: String, prefix: String) -> Self {
        let endpoint = vars.text("IRONMONGER_S3_ENDPOINT").map(|url| url.trim_end_matches('/').to_owned());
        let is_address = |url: &String| url.parse::<axum::http::Uri>().is_ok_and(|uri| uri.host().is_some());
        let has_scheme = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if endpoint.as_ref().is_some_and(|url| !has_scheme(url) || !is_address(url)) {
            vars.problems.push("IRONMONGER_S3_ENDPOINT: must begin with https:// or http://".into());
        }
        let key = vars.text("IRONMONGER_S3_ACCESS_KEY_ID");
        let secret = vars.text("IRONMONGER_S3_SECRET_ACCESS_KEY");
        if key.is_some() != secret.is_some() {
            let problem =
                "IRONMONGER_S3_ACCESS_KEY_ID and IRONMONGER_S3_SECRET_ACCESS_KEY: one of them is missing";
            vars.problems.push(problem.into());
        }
        let path_style = if endpoint.is_some() { "true" } else { "false" };
        Self {
            bucket,
            prefix,
            region: vars.text("IRONMONGER_S3_REGION").unwrap_or_else(|| "us-east-1".into()),
            credentials: key.zip(secret.map(Secret)),
            path_style: vars.parse("IRONMONGER_S3_PATH_STYLE", path_style),
            endpoint,
        }
    }
}

impl MediaConfig {
    pub(super) fn read<F: Fn(&str) -> Option<String>>(vars: &mut Vars<F>, public_url: &str) -> Self {
        let url = vars.text("IRONMONGER_MEDIA_URL").map(|url| url.trim_end_matches('/').to_owned());
        Self {
            url: url.unwrap_or_else(|| format!("{public_url}/media")),
            limit_bytes: positive(vars, "IRONMONGER_IMAGE_LIMIT_BYTES", "20971520"),
            limit_pixels: positive(vars, "IRONMONGER_IMAGE_LIMIT_PIXELS", "50000000"),
        }
    }
}

fn positive<F: Fn(&str) -> Option<String>>(vars: &mut Vars<F>, name: &str, default: &str) -> u64 {
    let value = vars.parse(name, default);
    if value == 0 {
        vars.problems.push(format!("{name}: must be at least 1"));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let config = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("postgres://localhost/x".into()),
            "REDIS_URL" => Some("redis://localhost".into()),
            _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string()),
        });
        config.map_err(|error| error.to_string())
    }

    #[test]
    fn files_lie_in_the_data_directory_or_where_the_url_says() {
        let folder = |variables| match config(variables).unwrap().storage {
            StorageConfig::Folder(path) => path,
            StorageConfig::S3(_) => panic!("a bucket"),
        };
        assert_eq!(folder(&[]), Path::new(".ironmonger/storage"));
        assert_eq!(folder(&[("IRONMONGER_STORAGE_URL", "file:///srv/files")]), Path::new("/srv/files"));
        for url in ["/srv/files", "file://srv/files", "s3://", "s3:///x", "gs://bucket"] {
            assert!(config(&[("IRONMONGER_STORAGE_URL", url)]).unwrap_err().contains("STORAGE_URL"), "{url}");
        }
    }

    #[test]
    fn a_bucket_has_its_credentials_and_keeps_them_secret() {
        let given = [
            ("IRONMONGER_STORAGE_URL", "s3://shop/files/"),
            ("IRONMONGER_S3_ENDPOINT", "http://127.0.0.1:9000/"),
            ("IRONMONGER_S3_ACCESS_KEY_ID", "key"),
            ("IRONMONGER_S3_SECRET_ACCESS_KEY", "hush-hush"),
        ];
        let all = config(&given).unwrap();
        assert!(!format!("{all:?}").contains("hush-hush"));
        let StorageConfig::S3(s3) = all.storage else { panic!("a folder") };
        assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.path_style), ("shop", "files", true));
        assert_eq!(s3.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert!(config(&given[..3]).unwrap_err().contains("one of them is missing"));
        let nowhere = [given[0], ("IRONMONGER_S3_ENDPOINT", "minio:9000")];
        assert!(config(&nowhere).unwrap_err().contains("IRONMONGER_S3_ENDPOINT"));
    }
}
