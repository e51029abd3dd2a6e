//! Snapshots of PostgreSQL: which transactions a statement has seen.

use std::fmt;
use std::str::FromStr;

/// As `pg_current_snapshot()` writes it: `xmin:xmax:running,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Every transaction before this one has ended and is seen.
    pub xmin: u64,
    /// This one and all after it are not seen.
    pub xmax: u64,
    /// Those between that were still running.
    running: Box<[u64]>,
}

impl Snapshot {
    /// Sees nothing.
    pub fn blind() -> Self {
        Self { xmin: 3, xmax: 3, running: Box::default() }
    }

    /// Whether a transaction that has committed by now was seen.
    pub fn sees(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && !self.running.contains(&xid))
    }
}

impl FromStr for Snapshot {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or_else(|| anyhow::anyhow!("not a snapshot: {text}"));
        let (xmin, xmax, running) = (next()?.parse()?, next()?.parse()?, next()?);
        let running = running.split(',').filter(|xid| !xid.is_empty()).map(str::parse);
        Ok(Self { xmin, xmax, running: running.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<String> = self.running.iter().map(u64::to_string).collect();
        write!(f, "{}:{}:{}", self.xmin, self.xmax, running.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_had_committed() {
        let snapshot: Snapshot = "10:20:10,14".parse().unwrap();
        let seen: Vec<u64> = (8..22).filter(|&xid| snapshot.sees(xid)).collect();
        assert_eq!(seen, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert_eq!(snapshot.to_string(), "10:20:10,14");
        assert!("7:7:".parse::<Snapshot>().unwrap().sees(6));
        assert!(!Snapshot::blind().sees(3));
        assert!("7".parse::<Snapshot>().is_err());
    }
}
