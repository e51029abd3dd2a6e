//! The Ed25519 keys behind access tokens: one that signs, and older ones whose tokens are still accepted.
//!
//! Rotation: make a new key, configure it, and put the old one into the file of retired keys until its last token
//! has expired (`IRONMONGER_ACCESS_TOKEN_SECONDS`).

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use rand::TryRngCore;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::config::Config;

/// Where development keeps the key that it makes, in the data directory.
const DEV_KEY_FILE: &str = "jwt-key.pem";

/// The keys of a process.
#[derive(Default)]
pub struct Keys {
    pub(super) signing: Option<Signing>,
    pub(super) verifying: Vec<Verifying>,
}

/// The key that signs.
pub(super) struct Signing {
    pub key_id: String,
    pub key: EncodingKey,
}

/// A key whose tokens are accepted.
pub(super) struct Verifying {
    pub key_id: String,
    pub key: DecodingKey,
    public: VerifyingKey,
}

impl Keys {
    /// For a process that neither issues nor reads tokens, such as a worker: it need not be trusted with the key.
    pub fn none() -> Self {
        Self::default()
    }

    /// The configured keys. With `dev` and none configured, one is made in the data directory; several processes
    /// that do so at once agree on one. Otherwise a missing key is an error that names the variables.
    pub fn from_config(config: &Config) -> Result<Self> {
        let auth = &config.auth;
        let signing = match (&auth.jwt_key_pem, &auth.jwt_key_file) {
            (Some(_), Some(_)) => {
                bail!("IRONMONGER_JWT_KEY and IRONMONGER_JWT_KEY_FILE are both set; set one of them")
            }
            // An environment file often cannot hold line breaks.
            (Some(pem), None) => {
                read_private(&pem.replace("\\n", "\n")).context("IRONMONGER_JWT_KEY cannot be used")?
            }
            (None, Some(path)) => {
                read_private_file(path).context("IRONMONGER_JWT_KEY_FILE cannot be used")?
            }
            (None, None) if config.dev => dev_key(&config.data_dir)?,
            (None, None) => bail!(
                "there is no key to sign access tokens with: set IRONMONGER_JWT_KEY_FILE (or IRONMONGER_JWT_KEY) to an \
                 Ed25519 key made by `openssl genpkey -algorithm ed25519`"
            ),
        };
        let retired = match &auth.jwt_retired_keys_file {
            Some(path) => fs::read_to_string(path)
                .map_err(anyhow::Error::from)
                .and_then(|text| read_public_keys(&text))
                .context("IRONMONGER_JWT_RETIRED_KEYS_FILE cannot be used")?,
            None => Vec::new(),
        };
        Self::new(&signing, retired)
    }

    fn new(signing: &SigningKey, retired: Vec<VerifyingKey>) -> Result<Self> {
        let current = signing.verifying_key();
        let mut verifying = vec![Verifying::new(current)];
        verifying.extend(retired.into_iter().filter(|key| *key != current).map(Verifying::new));
        let der = signing.to_pkcs8_der().context("an Ed25519 key has a PKCS#8 form")?;
        let key = EncodingKey::from_ed_der(der.as_bytes());
        Ok(Self { signing: Some(Signing { key_id: thumbprint(&current), key }), verifying })
    }

    pub(super) fn find(&self, key_id: &str) -> Option<&Verifying> {
        self.verifying.iter().find(|key| key.key_id == key_id)
    }
}

impl Verifying {
    fn new(public: VerifyingKey) -> Self {
        let key = DecodingKey::from_ed_der(public.as_bytes());
        Self { key_id: thumbprint(&public), key, public }
    }
}

/// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037), for `/.well-known/jwks.json`.
pub fn jwks(app: &App) -> Value {
    let key = |key: &Verifying| {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": key.key_id,
            "x": URL_SAFE_NO_PAD.encode(key.public.as_bytes()),
        })
    };
    json!({ "keys": app.keys.verifying.iter().map(key).collect::<Vec<_>>() })
}

/// The id of a key: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

fn read_private(pem: &str) -> Result<SigningKey> {
    SigningKey::from_pkcs8_pem(pem.trim())
        .map_err(|_| anyhow::anyhow!("it is no Ed25519 private key as PKCS#8 PEM"))
}

fn read_private_file(path: &Path) -> Result<SigningKey> {
    let pem = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_private(&pem).with_context(|| format!("cannot use {}", path.display()))
}

/// Every key in a file of PEM blocks, private (as they were used) or public.
fn read_public_keys(text: &str) -> Result<Vec<VerifyingKey>> {
    const BEGIN: &str = "-----BEGIN ";
    let blocks = text.split(BEGIN).skip(1).map(|block| format!("{BEGIN}{}", block.trim_end()));
    let read = |pem: String| match pem.starts_with("-----BEGIN PUBLIC KEY-----") {
        true => VerifyingKey::from_public_key_pem(&pem)
            .map_err(|_| anyhow::anyhow!("it has a public key that is not an Ed25519 key")),
        false => read_private(&pem).map(|key| key.verifying_key()),
    };
    let keys: Vec<_> = blocks.map(read).collect::<Result<_>>()?;
    if keys.is_empty() {
        bail!("it has no PEM block");
    }
    Ok(keys)
}

/// The key of a development machine, made when missing.
fn dev_key(data_dir: &Path) -> Result<SigningKey> {
    let path = data_dir.join(DEV_KEY_FILE);
    match fs::metadata(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_dev_key(data_dir, &path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    read_private_file(&path)
}

/// Writes a whole file beside `path` and links it to that name, which fails when another process was first: then its
/// key counts, and no reader ever sees half a file.
fn make_dev_key(data_dir: &Path, path: &Path) -> Result<()> {
    let mut secret = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut secret).context("the system gives no random numbers")?;
    let pem = SigningKey::from_bytes(&secret).to_pkcs8_pem(LineEnding::LF)?;
    fs::create_dir_all(data_dir)?;
    let draft = data_dir.join(format!(".{DEV_KEY_FILE}.{}", uuid::Uuid::new_v4()));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            file.sync_all()?;
            match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                outcome => outcome,
            }
        });
    // The name is random, so what cannot be removed harms nobody.
    let _ = fs::remove_file(&draft);
    Ok(written?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    const RFC_8037_SECRET: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    fn rfc_key() -> SigningKey {
        let secret = URL_SAFE_NO_PAD.decode(RFC_8037_SECRET).unwrap();
        SigningKey::from_bytes(&secret.try_into().unwrap())
    }

    fn scratch_dir() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("ironmonger-keys-{}", uuid::Uuid::new_v4()))
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_the_rfc() {
        let expected = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(thumbprint(&rfc_key().verifying_key()), expected);
    }

    #[test]
    fn processes_that_start_at_once_agree_on_the_development_key() {
        let dir = scratch_dir();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| dev_key(&dir).unwrap().to_bytes())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [DEV_KEY_FILE]);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(dir.join(DEV_KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn retired_keys_are_read_as_private_or_public_keys() {
        use ed25519_dalek::pkcs8::EncodePublicKey;
        let other = SigningKey::from_bytes(&[7; 32]);
        let private = rfc_key().to_pkcs8_pem(LineEnding::LF).unwrap();
        let public = other.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
        let keys = read_public_keys(&format!("# retired in May\n{}\n{public}", *private)).unwrap();
        assert_eq!(keys, [rfc_key().verifying_key(), other.verifying_key()]);
        assert!(read_public_keys("nothing").is_err());
    }

    #[test]
    fn without_a_key_the_error_names_the_variables() {
        let config = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("postgres://localhost/x".into()),
            "REDIS_URL" => Some("redis://localhost".into()),
            _ => None,
        })
        .unwrap();
        let error = Keys::from_config(&config).err().unwrap().to_string();
        assert!(
            error.contains("IRONMONGER_JWT_KEY_FILE") && error.contains("IRONMONGER_JWT_KEY)"),
            "{error}"
        );
    }
}
