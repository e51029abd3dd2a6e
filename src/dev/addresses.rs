//! How the other commands find the servers of a running `ironmonger dev`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::Config;

/// In the data directory while `ironmonger dev` runs: variables, one a line.
const FILE: &str = "dev.env";

/// The file, which goes away with this.
pub(super) struct Addresses(PathBuf);

impl Addresses {
    pub fn write(config: &Config) -> Result<Self> {
        let path = config.data_dir.join(FILE);
        let text = format!("DATABASE_URL={}\nREDIS_URL={}\n", config.database_url, config.redis_url);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // A file that is left behind names servers that do not answer, which is what a command then says.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A variable as a running `ironmonger dev` on this data directory has it.
pub fn address(data_dir: &Path, variable: &str) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join(FILE)).ok()?;
    let found = text.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
    found.map(str::to_owned)
}
