//! `ironmonger jobs schedules …`

use clap::{Args, Subcommand};

use crate::access::Viewer;
use crate::db::PooledConn;
use crate::jobs;

use super::OutputArgs;
use super::print::{print_jobs, print_schedules};

/// What to do with schedules; lists them if nothing is named.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SchedulesArgs {
    #[command(subcommand)]
    command: Option<SchedulesCommand>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum SchedulesCommand {
    /// Lists all schedules.
    List(OutputArgs),
    /// Lets a schedule fire from now on; what it missed is not made up for.
    Enable(ScheduleArgs),
    /// Lets a schedule fire no more until it is enabled.
    Disable(ScheduleArgs),
    /// Enqueues a schedule's job at once, unless its last run is unfinished.
    Run(ScheduleArgs),
}

#[derive(Debug, Args)]
struct ScheduleArgs {
    /// The schedule's name.
    name: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Does it.
pub async fn run(conn: &mut PooledConn, args: SchedulesArgs) -> anyhow::Result<()> {
    match args.command.unwrap_or(SchedulesCommand::List(args.output)) {
        SchedulesCommand::List(output) => {
            print_schedules(&jobs::schedules(conn, &Viewer::System).await?, &output)
        }
        SchedulesCommand::Enable(args) => {
            let schedule = jobs::enable_schedule(conn, &Viewer::System, &args.name).await?;
            print_schedules(&[schedule], &args.output)
        }
        SchedulesCommand::Disable(args) => {
            let schedule = jobs::disable_schedule(conn, &Viewer::System, &args.name).await?;
            print_schedules(&[schedule], &args.output)
        }
        SchedulesCommand::Run(args) => {
            let job = jobs::run_schedule(conn, &Viewer::System, &args.name).await?;
            print_jobs(&[job], &args.output)
        }
    }
}
