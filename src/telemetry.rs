//! What a process tells its operators: the log.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogConfig;

/// Begins logging to standard error: lines for people on a terminal, JSON lines elsewhere. Once per process.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let filter: Targets = config.filter.parse()?;
    let registry = tracing_subscriber::registry().with(filter);
    if config.json {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true);
        registry.with(layer.with_span_list(false).with_writer(std::io::stderr)).try_init()?;
    } else {
        let colors = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(colors);
        registry.with(layer.with_writer(std::io::stderr)).try_init()?;
    }
    Ok(())
}
