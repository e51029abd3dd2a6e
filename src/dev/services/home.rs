//! The folder of the services, and the account they run as.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User, geteuid};

use crate::dev::child::Account;

/// Where the services live when the account they run as cannot reach the data directory, as below `/root`.
const SYSTEM_FOLDER: &str = "/var/lib/ironmonger";

/// The folder `services` in the data directory.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
    account: Option<Account>,
}

impl Home {
    /// Makes the folder on first use. As root it belongs to an unprivileged account; if that one cannot reach the data
    /// directory, `services` is a link to a folder elsewhere.
    pub async fn open(data_dir: &Path) -> Result<Self> {
        let data_dir = data_dir.to_owned();
        tokio::task::spawn_blocking(move || open(&data_dir)).await?
    }

    /// Absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// None when this process is not root: the services run as it does.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// A folder in it that only the services' account may enter; made when missing.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        make_private(&path, self.account.as_ref())?;
        Ok(path)
    }
}

fn open(data_dir: &Path) -> Result<Home> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("cannot make the data directory {}", data_dir.display()))?;
    let data_dir = data_dir.canonicalize()?;
    let link = data_dir.join("services");
    let existing = link.metadata().ok();
    let account = match &existing {
        // What belongs to an ordinary user stays theirs when root comes along.
        Some(metadata) if geteuid().is_root() && metadata.uid() != 0 => Some(account_of(metadata.uid())?),
        _ if geteuid().is_root() => Some(unprivileged()?),
        _ => None,
    };
    if existing.is_none() {
        make(&link, &data_dir, account.as_ref())?;
    }
    let path = link.canonicalize().with_context(|| unusable(&link))?;
    let mine = account.as_ref().map_or(geteuid().as_raw(), |account| account.uid);
    if path.metadata()?.uid() != mine {
        bail!(unusable(&path));
    }
    if let Some(account) = &account
        && !can_enter(account, &path)
    {
        bail!(
            "the account {} cannot reach {}: set IRONMONGER_DATA_DIR to a folder that every user may enter",
            account.name,
            path.display()
        );
    }
    Ok(Home { path, account })
}

fn unusable(path: &Path) -> String {
    format!(
        "{} belongs to another user: run as that user, or set IRONMONGER_DATA_DIR to another folder",
        path.display()
    )
}

fn make(link: &Path, data_dir: &Path, account: Option<&Account>) -> Result<()> {
    // A link whose target is gone.
    let _ = std::fs::remove_file(link);
    match account {
        Some(account) if !can_enter(account, data_dir) => {
            std::fs::create_dir_all(SYSTEM_FOLDER)?;
            let folder = Path::new(SYSTEM_FOLDER).join(uuid::Uuid::new_v4().to_string());
            make_private(&folder, Some(account))?;
            symlink(&folder, link).with_context(|| format!("cannot make {}", link.display()))
        }
        account => make_private(link, account),
    }
}

fn make_private(path: &Path, account: Option<&Account>) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))?;
    if let Some(account) = account {
        chown(path, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Asks the kernel rather than adding up permission bits.
fn can_enter(account: &Account, path: &Path) -> bool {
    use std::os::unix::process::CommandExt;
    let tried = Command::new("/bin/sh")
        .args(["-c", r#"cd "$1""#, "sh"])
        .arg(path)
        .current_dir("/")
        .uid(account.uid)
        .gid(account.gid)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

fn unprivileged() -> Result<Account> {
    for name in ["postgres", "_postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Account { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() });
        }
    }
    bail!(
        "PostgreSQL does not run as root, and this system has no account `postgres` or `nobody`: run as another user"
    )
}

fn account_of(uid: u32) -> Result<Account> {
    let user = User::from_uid(Uid::from_raw(uid))?.with_context(|| {
        format!("the data directory belongs to user {uid}, which this system does not know")
    })?;
    Ok(Account { name: user.name, uid, gid: user.gid.as_raw() })
}
