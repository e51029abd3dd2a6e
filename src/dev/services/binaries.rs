//! Finding the programs that the system's package manager installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

/// The oldest PostgreSQL that the migrations work with.
const OLDEST_POSTGRES: u32 = 15;

/// Where packages put PostgreSQL when it is not on the PATH: Debian, Fedora and RHEL, Homebrew. `*` is a version.
const POSTGRES_FOLDERS: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql/bin",
];

/// Where Homebrew puts Redis when it is not on the PATH.
const REDIS_FOLDERS: [&str; 3] =
    ["/opt/homebrew/opt/redis/bin", "/usr/local/opt/redis/bin", "/home/linuxbrew/.linuxbrew/opt/redis/bin"];

/// An installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostgresPrograms {
    pub major: u32,
    pub postgres: PathBuf,
    pub initdb: PathBuf,
}

/// The PostgreSQL whose major version is `major`, that of a data directory; the newest where there is none yet.
pub(super) fn postgres(major: Option<u32>, data: &Path) -> Result<PostgresPrograms> {
    let mut found: Vec<_> = on_path()
        .into_iter()
        .chain(POSTGRES_FOLDERS.iter().flat_map(|pattern| folders(pattern)))
        .filter_map(|folder| programs_in(&folder))
        .collect();
    // Stable: of the same version, the one on the PATH comes first.
    found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
    let Some(newest) = found.first().cloned() else {
        bail!(
            "PostgreSQL is not installed: `apt-get install postgresql`, `dnf install postgresql-server postgresql-contrib` or `brew install \
             postgresql@16` brings it, or set DATABASE_URL to a server that runs already"
        );
    };
    match major {
        Some(major) => found.into_iter().find(|programs| programs.major == major).ok_or_else(|| {
            anyhow::anyhow!(
                "{} was made by PostgreSQL {major}, but PostgreSQL {} is installed: install version {major} again, or \
                 move that folder away to begin with an empty database",
                data.display(),
                newest.major
            )
        }),
        None if newest.major < OLDEST_POSTGRES => bail!(
            "PostgreSQL {} is installed, but {OLDEST_POSTGRES} or newer is needed: install it, or set DATABASE_URL to a \
             server that runs already",
            newest.major
        ),
        None => Ok(newest),
    }
}

/// `redis-server`, or its successor `valkey-server`.
pub(super) fn redis() -> Result<PathBuf> {
    let folders: Vec<_> = on_path().into_iter().chain(REDIS_FOLDERS.iter().map(PathBuf::from)).collect();
    for name in ["redis-server", "valkey-server"] {
        if let Some(found) = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    bail!(
        "Redis is not installed: `apt-get install redis-server`, `dnf install redis` or `brew install redis` brings it, or \
         set REDIS_URL to a server that runs already"
    )
}

fn on_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn programs_in(folder: &Path) -> Option<PostgresPrograms> {
    // /usr/local/bin may hold links; initdb looks for its own neighbors beside the real file.
    let postgres = folder.join("postgres").canonicalize().ok()?;
    let initdb = folder.join("initdb").canonicalize().ok()?;
    let output = Command::new(&postgres).arg("--version").output().ok()?;
    let major = major(&String::from_utf8_lossy(&output.stdout))?;
    Some(PostgresPrograms { major, postgres, initdb })
}

/// The major version in `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL) ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The folders that a pattern with at most one `*` in one component matches.
fn folders(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![pattern.into()];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names.into_iter().map(|name| PathBuf::from(format!("{parent}/{name}{after}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_packager_are_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 16.2"), Some(16));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres: command not found"), None);
    }
}
