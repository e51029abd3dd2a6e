//! `ironmonger user …`: staff, from the operator's shell.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::access::{self, ListedUser};
use crate::app::App;
use crate::config::{self, Config};

/// How many users are read at once.
const BATCH: i64 = 500;

/// Manages people.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes a user who may sign in, with roles.
    Create(CreateArgs),
    /// Lists the users who have a role, one a line: email, roles, state.
    List(ListArgs),
    /// Ends every session of a user and refuses further sign-ins.
    Disable(DisableArgs),
}

/// The password comes from --password-stdin, else from IRONMONGER_PASSWORD, else from a prompt; never from an argument,
/// which every process of the machine could read.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// What the person signs in with.
    #[arg(long)]
    email: String,
    /// The name of a role, such as `owner`; may be given several times.
    #[arg(long = "role", required = true)]
    roles: Vec<String>,
    /// Reads the password from standard input; a line break at its end does not count.
    #[arg(long)]
    password_stdin: bool,
}

/// Which users are listed.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Those without a role as well: every customer with an account.
    #[arg(long)]
    all: bool,
}

/// Who is shut out.
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// What the person signs in with.
    #[arg(long)]
    email: String,
}

/// Runs the command.
pub async fn run(command: UserCommand) -> anyhow::Result<()> {
    let app = App::without_keys(Config::for_command()?)?;
    match command {
        UserCommand::Create(args) => create(&app, args).await,
        UserCommand::List(args) => list(&app, args).await,
        UserCommand::Disable(args) => {
            let id = access::disable_user(&app, &args.email).await?;
            println!("{id} is disabled.");
            Ok(())
        }
    }
}

async fn create(app: &App, args: CreateArgs) -> anyhow::Result<()> {
    let password = read_password(args.password_stdin)?;
    let roles: Vec<&str> = args.roles.iter().map(String::as_str).collect();
    let id = access::create_user(app, &args.email, &password, &roles).await?;
    println!("{id} can sign in now.");
    Ok(())
}

async fn list(app: &App, args: ListArgs) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let users = access::list_users(app, after, BATCH, !args.all).await?;
        let mut out = io::stdout().lock();
        for user in &users {
            match writeln!(out, "{}", line(user)) {
                // Whoever reads has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
        }
        match users.last() {
            Some(last) => after = Some(last.user.id),
            None => return Ok(()),
        }
    }
}

fn line(listed: &ListedUser) -> String {
    let roles = if listed.roles.is_empty() { "-".to_owned() } else { listed.roles.join(",") };
    let state = if listed.user.disabled_at.is_some() { "disabled" } else { "enabled" };
    format!("{}\t{roles}\t{state}\t{}", listed.user.email, listed.user.id)
}

fn read_password(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("cannot read the password from standard input")?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Some(password) = config::password_from_env() {
        return Ok(password);
    }
    if !io::stdin().is_terminal() {
        bail!("give the password by --password-stdin or in IRONMONGER_PASSWORD");
    }
    let password = prompt("Password: ")?;
    if prompt("The same again: ")? != password {
        bail!("the two are not the same");
    }
    Ok(password)
}

fn prompt(question: &str) -> anyhow::Result<String> {
    eprint!("{question}");
    let _silence = Silence::begin()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    eprintln!();
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Keeps the terminal from showing what is typed, until dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> anyhow::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody to tell: the terminal is gone.
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &self.0);
    }
}
