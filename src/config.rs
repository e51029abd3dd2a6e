//! Configuration: the only reader of the environment.
//!
//! Every variable is documented in docs/CONFIGURATION.md. A bad value is named at start, all of them at once.

mod storage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

pub use storage::{MediaConfig, S3Config, Secret, StorageConfig};

/// The default of `IRONMONGER_DATA_DIR`.
const DATA_DIR: &str = ".ironmonger";

/// Everything a process is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `REDIS_URL`.
    pub redis_url: String,
    /// `IRONMONGER_REDIS_PREFIX`: begins every key, so that several systems can share one Redis. Default `ironmonger`.
    pub redis_prefix: String,
    /// `IRONMONGER_DATABASE_POOL`: most connections per process. Default 20.
    pub database_pool: usize,
    /// `IRONMONGER_DATA_DIR`: files that the processes share. Default `.ironmonger`.
    pub data_dir: PathBuf,
    /// Where the files that the processes share lie.
    pub storage: StorageConfig,
    /// Uploaded images.
    pub media: MediaConfig,
    /// Listening addresses and what the HTTP edge allows.
    pub http: HttpConfig,
    /// Signing keys and lifetimes of tokens.
    pub auth: AuthConfig,
    /// How mail leaves.
    pub mail: MailConfig,
    /// `IRONMONGER_JOB_RETENTION_DAYS`: how long finished jobs stay in the ledger; dead ones stay 90 days. Default 7.
    pub job_retention_days: u16,
    /// `IRONMONGER_JOB_MEMORY_MB`: most memory of a process that runs one job alone, in MiB. Default none.
    pub job_memory_mb: Option<u64>,
    /// `IRONMONGER_DEV`: set by `ironmonger dev`; allows the demo store and keys made on the spot.
    pub dev: bool,
}

/// The HTTP edge.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `IRONMONGER_HTTP_ADDR`. Default 127.0.0.1:8080.
    pub addr: SocketAddr,
    /// `IRONMONGER_METRICS_ADDR`. Default 127.0.0.1:9090.
    pub metrics_addr: SocketAddr,
    /// `IRONMONGER_WORKER_ADDR`: health and metrics of a worker; `off` for none. Default 127.0.0.1:9091.
    pub worker_addr: Option<SocketAddr>,
    /// `IRONMONGER_CORS_ORIGINS`: comma-separated origins that browsers may call from. Default none.
    pub cors_origins: Vec<String>,
    /// `IRONMONGER_CLIENT_IP_HEADER`: the header in which the proxy in front tells the client's address. Default none:
    /// clients are not told apart.
    pub client_ip_header: Option<String>,
    /// `IRONMONGER_BODY_LIMIT_BYTES`: largest JSON body. Default 1 MiB.
    pub body_limit_bytes: usize,
    /// `IRONMONGER_UPLOAD_LIMIT_BYTES`: largest multipart body. Default 256 MiB.
    pub upload_limit_bytes: usize,
    /// `IRONMONGER_REQUEST_TIMEOUT_MS`: longest time for a query or mutation. Default 30,000.
    pub request_timeout_ms: u64,
    /// `IRONMONGER_PUBLIC_URL`: how the outside reaches us; begins links in mails and downloads. Default
    /// `http://` and the HTTP address.
    pub public_url: String,
}

/// Tokens.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `IRONMONGER_JWT_KEY`: PEM (PKCS#8) of the Ed25519 key that signs. Without it `ironmonger dev` makes one.
    pub jwt_key_pem: Option<String>,
    /// `IRONMONGER_JWT_KEY_FILE`: the same, as a path.
    pub jwt_key_file: Option<PathBuf>,
    /// `IRONMONGER_JWT_RETIRED_KEYS_FILE`: PEMs of older keys whose tokens are still accepted.
    pub jwt_retired_keys_file: Option<PathBuf>,
    /// `IRONMONGER_ACCESS_TOKEN_SECONDS`. Default 600.
    pub access_token_seconds: i64,
    /// `IRONMONGER_SESSION_SECONDS`: how long a session can be refreshed. Default 30 days.
    pub session_seconds: i64,
}

/// Mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `IRONMONGER_SMTP_URL`, e.g. `smtps://user:secret@mail.example.com`. Without it mails are files in
    /// `<data dir>/mail`.
    pub smtp_url: Option<String>,
    /// `IRONMONGER_MAIL_FROM`. Default `Ironmonger <shop@ironmonger.test>`.
    pub from: String,
}

/// The variables that cannot be used, each with its reason.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:\n{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// From the environment of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// For `ironmonger dev`: `DATABASE_URL` and `REDIS_URL` stay empty where they are not set, for private services
    /// take their place.
    pub fn for_dev() -> Result<Self, ConfigError> {
        let mut config = Self::from_lookup(|name| {
            let given = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
            given.or_else(|| match name {
                "DATABASE_URL" => Some("postgres://".into()),
                "REDIS_URL" => Some("redis://".into()),
                _ => None,
            })
        })?;
        if config.database_url == "postgres://" {
            config.database_url.clear();
        }
        if config.redis_url == "redis://" {
            config.redis_url.clear();
        }
        config.dev = true;
        Ok(config)
    }

    /// For a command that a person runs: as [`Config::from_env`], but the servers of an `ironmonger dev` that runs on the same data
    /// directory serve where a variable is not set.
    pub fn for_command() -> Result<Self, ConfigError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let data_dir = PathBuf::from(set("IRONMONGER_DATA_DIR").unwrap_or_else(|| DATA_DIR.into()));
        Self::from_lookup(|name| {
            set(name).or_else(|| match name {
                "DATABASE_URL" | "REDIS_URL" => crate::dev::address(&data_dir, name),
                _ => None,
            })
        })
    }

    /// From any source of variables; an empty value counts as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut vars = Vars { lookup, problems: Vec::new() };
        let addr: SocketAddr = vars.parse("IRONMONGER_HTTP_ADDR", "127.0.0.1:8080");
        let data_dir = PathBuf::from(vars.text("IRONMONGER_DATA_DIR").unwrap_or_else(|| DATA_DIR.into()));
        let public_url = vars
            .text("IRONMONGER_PUBLIC_URL")
            .map_or_else(|| format!("http://{addr}"), |url| url.trim_end_matches('/').to_owned());
        let config = Config {
            database_url: vars.required("DATABASE_URL", &["postgres://", "postgresql://"]),
            redis_url: vars.required("REDIS_URL", &["redis://", "rediss://", "unix://", "redis+unix://"]),
            redis_prefix: vars.text("IRONMONGER_REDIS_PREFIX").unwrap_or_else(|| "ironmonger".into()),
            database_pool: vars.parse("IRONMONGER_DATABASE_POOL", "20"),
            storage: StorageConfig::read(&mut vars, &data_dir),
            media: MediaConfig::read(&mut vars, &public_url),
            data_dir,
            http: HttpConfig {
                addr,
                metrics_addr: vars.parse("IRONMONGER_METRICS_ADDR", "127.0.0.1:9090"),
                worker_addr: vars.parse_or_off("IRONMONGER_WORKER_ADDR", "127.0.0.1:9091"),
                cors_origins: vars.list("IRONMONGER_CORS_ORIGINS"),
                client_ip_header: vars.text("IRONMONGER_CLIENT_IP_HEADER"),
                body_limit_bytes: vars.parse("IRONMONGER_BODY_LIMIT_BYTES", "1048576"),
                upload_limit_bytes: vars.parse("IRONMONGER_UPLOAD_LIMIT_BYTES", "268435456"),
                request_timeout_ms: vars.parse("IRONMONGER_REQUEST_TIMEOUT_MS", "30000"),
                public_url,
            },
            auth: AuthConfig {
                jwt_key_pem: vars.text("IRONMONGER_JWT_KEY"),
                jwt_key_file: vars.text("IRONMONGER_JWT_KEY_FILE").map(Into::into),
                jwt_retired_keys_file: vars.text("IRONMONGER_JWT_RETIRED_KEYS_FILE").map(Into::into),
                access_token_seconds: vars.parse("IRONMONGER_ACCESS_TOKEN_SECONDS", "600"),
                session_seconds: vars.parse("IRONMONGER_SESSION_SECONDS", "2592000"),
            },
            mail: MailConfig {
                smtp_url: vars.text("IRONMONGER_SMTP_URL"),
                from: vars
                    .text("IRONMONGER_MAIL_FROM")
                    .unwrap_or_else(|| "Ironmonger <shop@ironmonger.test>".into()),
            },
            job_retention_days: vars.parse("IRONMONGER_JOB_RETENTION_DAYS", "7"),
            job_memory_mb: vars.parse_if_set("IRONMONGER_JOB_MEMORY_MB"),
            dev: vars.parse("IRONMONGER_DEV", "false"),
        };
        if config.database_pool == 0 {
            vars.problems.push("IRONMONGER_DATABASE_POOL: must be at least 1".into());
        }
        if config.job_memory_mb.is_some_and(|limit| limit < LEAST_JOB_MEMORY_MB) {
            vars.problems.push(format!("IRONMONGER_JOB_MEMORY_MB: must be at least {LEAST_JOB_MEMORY_MB}"));
        }
        if let Some(name) = &config.http.client_ip_header
            && name.parse::<axum::http::HeaderName>().is_err()
        {
            vars.problems.push(format!("IRONMONGER_CLIENT_IP_HEADER: {name:?} is not the name of a header"));
        }
        for (name, seconds) in [
            ("IRONMONGER_ACCESS_TOKEN_SECONDS", config.auth.access_token_seconds),
            ("IRONMONGER_SESSION_SECONDS", config.auth.session_seconds),
        ] {
            if !(1..=MAX_TOKEN_SECONDS).contains(&seconds) {
                vars.problems.push(format!("{name}: must be between 1 and {MAX_TOKEN_SECONDS}"));
            }
        }
        if vars.problems.is_empty() { Ok(config) } else { Err(ConfigError(vars.problems)) }
    }
}

/// `IRONMONGER_PASSWORD`, for `ironmonger user create` in scripts; taken as it is. Not part of [`Config`], which a process
/// keeps for as long as it runs.
pub fn password_from_env() -> Option<String> {
    std::env::var("IRONMONGER_PASSWORD").ok().filter(|password| !password.is_empty())
}

/// What a process takes before its job takes anything, with room for the stacks of many cores.
const LEAST_JOB_MEMORY_MB: u64 = 128;

/// Ten years: no token should live longer, and dates stay far from their limits.
const MAX_TOKEN_SECONDS: i64 = 315_360_000;

/// What a process says while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `IRONMONGER_LOG`: a level, or levels by module: `info,ironmonger::jobs=debug`. Default `info`.
    pub filter: String,
    /// `IRONMONGER_LOG_FORMAT`: `text` or `json`. Default: text on a terminal, JSON lines elsewhere.
    pub json: bool,
}

impl LogConfig {
    /// From the environment of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self::from_lookup(|name| std::env::var(name).ok(), is_terminal)
    }

    /// From any source of variables; an empty value counts as unset.
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        is_terminal: bool,
    ) -> Result<Self, ConfigError> {
        let vars = Vars { lookup, problems: Vec::new() };
        let json = match vars.text("IRONMONGER_LOG_FORMAT").as_deref() {
            None => !is_terminal,
            Some("json") => true,
            Some("text") => false,
            Some(other) => {
                let problem = format!("IRONMONGER_LOG_FORMAT: {other:?} is neither text nor json");
                return Err(ConfigError(vec![problem]));
            }
        };
        let filter = vars.text("IRONMONGER_LOG").unwrap_or_else(|| "info".into());
        if let Err(error) = filter.parse::<tracing_subscriber::filter::targets::Targets>() {
            return Err(ConfigError(vec![format!("IRONMONGER_LOG: {filter:?} is no filter: {error}")]));
        }
        Ok(Self { filter, json })
    }
}

struct Vars<F> {
    lookup: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn required(&mut self, name: &str, schemes: &[&str]) -> String {
        match self.text(name) {
            Some(value) if schemes.iter().any(|scheme| value.starts_with(scheme)) => value,
            Some(_) => {
                self.problems
                    .push(format!("{name}: must be a URL that begins with {}", schemes.join(" or ")));
                String::new()
            }
            None => {
                self.problems
                    .push(format!("{name}: is not set (`ironmonger dev` brings services of its own)"));
                String::new()
            }
        }
    }

    fn parse_or_off<T: FromStr>(&mut self, name: &str, default: &str) -> Option<T> {
        let off = self.text(name).is_some_and(|value| value == "off");
        (!off).then(|| self.parse(name, default))
    }

    fn parse_if_set<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            let kind = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
            self.problems.push(format!("{name}: {text:?} is not a valid {kind}"));
        }
        parsed
    }

    fn parse<T: FromStr>(&mut self, name: &str, default: &str) -> T {
        let given = self.text(name);
        if let Some(value) = given {
            if let Ok(parsed) = value.parse() {
                return parsed;
            }
            let kind = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
            self.problems.push(format!("{name}: {value:?} is not a valid {kind} (default: {default})"));
        }
        default.parse().unwrap_or_else(|_| panic!("the default of {name} parses"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(text: &str) -> std::collections::BTreeSet<&str> {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let is_variable = |word: &&str| {
            let name = word.strip_prefix("IRONMONGER_").unwrap_or_default();
            !name.is_empty() || matches!(*word, "DATABASE_URL" | "REDIS_URL")
        };
        words.filter(is_variable).collect()
    }

    #[test]
    fn every_variable_is_documented_and_nothing_else() {
        let mut read = variables(include_str!("config.rs"));
        read.extend(variables(include_str!("config/storage.rs")));
        // The options of a worker may come from the environment, too.
        read.extend(variables(include_str!("cli/worker.rs")));
        let documented = variables(include_str!("../docs/CONFIGURATION.md"));
        assert!(read.len() > 20, "{read:?}");
        assert_eq!(read, documented);
    }

    #[test]
    fn lifetimes_of_tokens_are_positive() {
        let error = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("postgres://localhost/x".into()),
            "REDIS_URL" => Some("redis://localhost".into()),
            "IRONMONGER_SESSION_SECONDS" => Some("0".into()),
            _ => None,
        });
        assert!(error.unwrap_err().to_string().contains("IRONMONGER_SESSION_SECONDS"));
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        let error = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("mysql://x".into()),
            "REDIS_URL" => None,
            "IRONMONGER_HTTP_ADDR" => Some("localhost".into()),
            "IRONMONGER_REQUEST_TIMEOUT_MS" => Some("soon".into()),
            _ => None,
        })
        .unwrap_err();
        let text = error.to_string();
        for name in ["DATABASE_URL", "REDIS_URL", "IRONMONGER_HTTP_ADDR", "IRONMONGER_REQUEST_TIMEOUT_MS"] {
            assert!(text.contains(name), "{text}");
        }
    }
}
