//! `ironmonger serve`: an API process, configured by the environment.

use crate::app::App;
use crate::config::{Config, LogConfig};

/// Serves until SIGTERM or SIGINT, then drains.
pub async fn run() -> anyhow::Result<()> {
    crate::telemetry::init(&LogConfig::from_env()?)?;
    let app = App::new(Config::from_env()?)?;
    let stop = super::signals::stop_token()?;
    crate::http::serve(app, stop).await
}
