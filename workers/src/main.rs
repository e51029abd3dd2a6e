//! `ironmonger-worker`: takes jobs from the queues it is told to and runs them.
//!
//! SIGTERM or SIGINT: takes no more, lets what runs end for up to 25 s, gives back the rest, exits 0. A second signal: exits
//! at once; what ran is run again elsewhere when its lease ends. Everything else that ends the worker is an error.

use clap::Parser;
use ironmonger::cli::worker::{self, WorkerArgs};
use ironmonger::jobs::registry;

/// Runs jobs of an Ironmonger store. Configured by the same environment as `ironmonger serve`.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    worker: WorkerArgs,
}

/// As `ironmonger` has it: an import takes a sixth less of the processor for its worker than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args = Cli::parse().worker;
    // On a machine with one core as well, a handler that does not yield leaves a thread to the others.
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.expect("threads can be started when the process begins");
    let outcome = runtime.block_on(worker::run(args, registry::all()));
    if let Err(error) = &outcome {
        eprintln!("Error: {error:?}");
    }
    // Not by way of the runtime's end, which would wait for a handler that never yields.
    std::process::exit(outcome.is_err().into());
}
