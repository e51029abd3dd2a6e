//! `/metrics`, in the Prometheus text format, and what the HTTP edge itself counts. Others use the `metrics` macros.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{LazyLock, OnceLock, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::App;

use super::documents::Operation;

/// Seconds, from a cached read to the request timeout.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Seconds, from a job that is started at once to one that waits or runs for an hour.
const JOB_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// How often samples are folded into buckets when nobody scrapes; without that they would pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Most operation names that are counted by name. A client can invent as many as it likes.
const MAX_NAMES: usize = 200;
const MAX_NAME_BYTES: usize = 64;

const POISON: &str = "never poisoned: no code panics in it";

/// Installs the recorder, once per process. None when the process has a recorder of its own.
pub fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Prefix("ironmonger_job_".into()), &JOB_BUCKETS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .inspect_err(|error| tracing::error!(%error, "no metrics"))
        .ok()?;
    describe_counter!("ironmonger_http_requests_total", "Requests by route, status and kind of operation");
    describe_histogram!(
        "ironmonger_http_request_duration_seconds",
        "Until the head of the response is written"
    );
    describe_gauge!("ironmonger_http_in_flight", "Requests being served");
    describe_counter!("ironmonger_http_shed_total", "Requests refused because too many were being served");
    describe_gauge!("ironmonger_http_open_streams", "Open WebSockets and event streams");
    describe_counter!("ironmonger_graphql_operations_total", "Operations by kind, name and outcome");
    describe_histogram!(
        "ironmonger_graphql_operation_duration_seconds",
        "Queries and mutations, from start to end"
    );
    describe_gauge!("ironmonger_db_connections", "Connections of the pool, in use and idle");
    describe_gauge!("ironmonger_db_connections_max", "Most connections that the pool may have");
    describe_counter!("ironmonger_db_statements_total", "SQL statements, transaction control included");
    crate::cache::metrics::describe();
    crate::jobs::describe_metrics();
    let upkeep = handle.clone();
    // A thread of its own: the recorder outlives any runtime.
    let thread = std::thread::Builder::new().name("metrics-upkeep".into());
    let spawned = thread.spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkeep.run_upkeep();
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "metrics are kept up only when scraped");
    }
    Some(handle)
}

/// Writes `/metrics`.
pub async fn render(State(app): State<App>) -> impl IntoResponse {
    let (in_use, idle, max) = app.db.pool_status();
    gauge!("ironmonger_db_connections", "state" => "in_use").set(in_use as f64);
    gauge!("ironmonger_db_connections", "state" => "idle").set(idle as f64);
    gauge!("ironmonger_db_connections_max").set(max as f64);
    app.cache.measure();
    counter!("ironmonger_db_statements_total").absolute(app.db.statement_count());
    let mut text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    text.push_str(&app.job_figures.render());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// A request was answered.
pub fn request(route: &'static str, kind: &'static str, status: u16, took: Duration) {
    let class = match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    static REQUESTS: Series<(&str, &str, &str)> = Series::new();
    REQUESTS.record((route, kind, class), took, || {
        let count =
            counter!("ironmonger_http_requests_total", "route" => route, "kind" => kind, "status" => class);
        (count, histogram!("ironmonger_http_request_duration_seconds", "route" => route, "kind" => kind))
    });
}

/// How many requests are being served.
pub fn in_flight(requests: usize) {
    static IN_FLIGHT: LazyLock<Gauge> = LazyLock::new(|| gauge!("ironmonger_http_in_flight"));
    IN_FLIGHT.set(requests as f64);
}

/// A request was refused because there were too many.
pub fn shed() {
    counter!("ironmonger_http_shed_total").increment(1);
}

/// How many sockets and event streams are open.
pub fn open_streams(streams: usize) {
    gauge!("ironmonger_http_open_streams").set(streams as f64);
}

/// An operation ended (or a subscription began).
pub fn operation(operation: &Operation, outcome: &'static str, took: Duration) {
    let kind = operation.kind_name();
    let name = name_label(operation.name.as_deref());
    static OPERATIONS: Series<(&str, &str, &str)> = Series::new();
    OPERATIONS.record((kind, name, outcome), took, || {
        let count = counter!(
            "ironmonger_graphql_operations_total", "kind" => kind, "name" => name, "outcome" => outcome
        );
        (count, histogram!("ironmonger_graphql_operation_duration_seconds", "kind" => kind))
    });
}

/// Counts and durations by labels of which there are few. Looking a metric up by its labels takes ten times as long as
/// recording it, so what was found is kept.
struct Series<L>(RwLock<Option<HashMap<L, (Counter, Histogram)>>>);

impl<L: Eq + Hash> Series<L> {
    const fn new() -> Self {
        Self(RwLock::new(None))
    }

    /// Counts one more that took so long; `find` looks the metrics up.
    fn record(&self, labels: L, took: Duration, find: impl FnOnce() -> (Counter, Histogram)) {
        let record = |(count, durations): &(Counter, Histogram)| {
            count.increment(1);
            durations.record(took);
        };
        let known = self.0.read().expect(POISON);
        if let Some(found) = known.as_ref().and_then(|known| known.get(&labels)) {
            return record(found);
        }
        drop(known);
        record(self.0.write().expect(POISON).get_or_insert_default().entry(labels).or_insert_with(find));
    }
}

/// The name as a label: the first [`MAX_NAMES`] names that are seen, `other` for the rest.
fn name_label(name: Option<&str>) -> &'static str {
    static NAMES: RwLock<Option<HashSet<&'static str>>> = RwLock::new(None);
    let Some(name) = name else { return "anonymous" };
    if name.len() > MAX_NAME_BYTES {
        return "other";
    }
    if let Some(known) = NAMES.read().expect(POISON).as_ref().and_then(|names| names.get(name).copied()) {
        return known;
    }
    let mut names = NAMES.write().expect(POISON);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name) {
        return known;
    }
    if names.len() >= MAX_NAMES {
        return "other";
    }
    // Kept for the life of the process: at most MAX_NAMES of MAX_NAME_BYTES.
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}
