//! `ironmonger jobs limit`

use clap::Args;

use crate::access::Viewer;
use crate::db::PooledConn;
use crate::jobs::{self, LimitChange, Rate};

use super::OutputArgs;
use super::print::print_queues;

/// A queue and its limits; what is not named stays.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// The queue's name.
    name: String,
    /// Most jobs that run at a time, or `none`.
    #[arg(long, value_name = "N|none", value_parser = max_running, required_unless_present = "rate")]
    max_running: Option<Setting<i32>>,
    /// Most jobs that are begun per period, such as `100/60` for a hundred a minute, or `none`.
    #[arg(long, value_name = "JOBS/SECONDS|none", value_parser = rate)]
    rate: Option<Setting<Rate>>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting<T> {
    None,
    To(T),
}

impl<T> From<Setting<T>> for Option<T> {
    fn from(setting: Setting<T>) -> Self {
        match setting {
            Setting::None => None,
            Setting::To(value) => Some(value),
        }
    }
}

fn max_running(text: &str) -> Result<Setting<i32>, String> {
    if text == "none" {
        return Ok(Setting::None);
    }
    text.parse().map(Setting::To).map_err(|_| "neither a number nor `none`".to_owned())
}

fn rate(text: &str) -> Result<Setting<Rate>, String> {
    if text == "none" {
        return Ok(Setting::None);
    }
    let parts = text.split_once('/').and_then(|(jobs, seconds)| {
        Some(Rate { jobs: jobs.parse().ok()?, period_seconds: seconds.parse().ok()? })
    });
    parts.map(Setting::To).ok_or_else(|| "neither like `100/60` nor `none`".to_owned())
}

/// Sets or removes limits.
pub async fn run(conn: &mut PooledConn, args: LimitArgs) -> anyhow::Result<()> {
    let change =
        LimitChange { max_running: args.max_running.map(Option::from), rate: args.rate.map(Option::from) };
    let queue = jobs::set_limits(conn, &Viewer::System, &args.name, change).await?;
    print_queues(&[queue], &args.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(max_running("4"), Ok(Setting::To(4)));
        assert_eq!(max_running("none"), Ok(Setting::None));
        assert!(max_running("many").is_err());
        assert_eq!(rate("100/60"), Ok(Setting::To(Rate { jobs: 100, period_seconds: 60.0 })));
        assert_eq!(rate("1/0.5"), Ok(Setting::To(Rate { jobs: 1, period_seconds: 0.5 })));
        assert_eq!(rate("none"), Ok(Setting::None));
        assert!(rate("100").is_err() && rate("100/minute").is_err());
    }
}
