//! BullMQ of npm, with one producer and one worker process.

use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use crate::report::Report;
use crate::servers::Servers;

use super::CONCURRENCY;

#[derive(Deserialize)]
struct Answer {
    version: String,
    jobs_per_second: f64,
    latency_p50_ms: f64,
    latency_p99_ms: f64,
}

/// Installs it into the run's folder and runs bench/bullmq/run.mjs.
pub async fn run(servers: &Servers, jobs: usize, report: &mut Report) -> anyhow::Result<()> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/bullmq");
    let folder = servers.folder().join("bullmq");
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "run.mjs"] {
        std::fs::copy(format!("{source}/{file}"), folder.join(file))?;
    }
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"])
        .current_dir(&folder);
    anyhow::ensure!(
        install.status().context("npm is needed for the baseline")?.success(),
        "npm install failed"
    );
    let mut node = Command::new("node");
    node.arg("run.mjs").args([servers.redis_url(), jobs.to_string(), CONCURRENCY.to_string()]);
    let output = node.current_dir(&folder).stderr(std::process::Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "run.mjs failed");
    let answer: Answer = serde_json::from_slice(&output.stdout)?;
    let note = format!("{jobs} jobs; version {}; nothing outlives Redis", answer.version);
    report.add("BullMQ, 1 worker process", answer.jobs_per_second, "jobs/s", note);
    report.add("BullMQ, idle start latency p50", answer.latency_p50_ms, "ms", "from the call of add");
    report.add("BullMQ, idle start latency p99", answer.latency_p99_ms, "ms", "from the call of add");
    Ok(())
}
