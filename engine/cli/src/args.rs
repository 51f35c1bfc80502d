//! The command line: global options here, each command's own options in `commands/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use defacto_engine::Shard;

use crate::commands;
use crate::logging::{LogFormat, LogLevel};

/// What is true about each entity, now and at any past moment.
///
/// Definitions in YAML become sandboxed WebAssembly; events go in, SCD Type 2 history comes out.
#[derive(Debug, Parser)]
#[command(name = "defacto", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Project folder with entities/, sources/ and schemas/
    #[arg(long, global = true, env = "DEFACTO_PROJECT", default_value = ".", value_name = "DIR")]
    pub(crate) project: PathBuf,
    /// Database: a path, or a sqlite: or postgres: URL [default: PROJECT/.defacto/defacto.db]
    #[arg(
        long,
        global = true,
        env = "DEFACTO_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) database: Option<String>,
    /// Namespace of this project in the database [default: defacto]
    #[arg(long, global = true, env = "DEFACTO_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Work on one shard of a divided namespace, such as 0/2: the first of two
    #[arg(long, global = true, env = "DEFACTO_SHARD", value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// Settings file [default: PROJECT/defacto.toml]
    #[arg(long, global = true, env = "DEFACTO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Least important log lines shown [default: WARNING]
    #[arg(
        long,
        global = true,
        env = "DEFACTO_LOG_LEVEL",
        value_name = "LEVEL",
        ignore_case = true
    )]
    pub(crate) log_level: Option<LogLevel>,
    /// Form of log lines on standard error [default: console]
    #[arg(long, global = true, env = "DEFACTO_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Form of what is printed [default: table]
    #[arg(long, global = true, env = "DEFACTO_FORMAT", value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write results to a file instead of standard output
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print no progress and no summaries
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Reads `I/N`.
fn shard(text: &str) -> Result<Shard, String> {
    let read = |text: &str| text.trim().parse::<u32>().ok();
    let parts = text.split_once('/').and_then(|(i, n)| Some((read(i)?, read(n)?)));
    match parts {
        None => Err("write I/N, such as 0/2".to_owned()),
        Some((_, total)) if !(1..=SHARDS_MAX).contains(&total) => {
            Err(format!("there are 1 to {SHARDS_MAX} shards"))
        }
        Some((index, total)) => Shard::new(index, total)
            .ok_or_else(|| format!("the shards of {total} are 0 to {}", total - 1)),
    }
}

/// Most shards of a namespace.
pub(crate) const SHARDS_MAX: u32 = 1024;

/// Forms of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
    Parquet,
    Arrow,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a project with a small working example
    Init(commands::init::Options),
    /// Check definitions; silent when all is well
    Validate(commands::validate::Options),
    /// Turn definitions into a WebAssembly component
    Compile(commands::compile::Options),
    /// Put raw events into the ledger
    Ingest(commands::ingest::Options),
    /// Bring the history up to date with ledger and definitions
    Build(commands::build::Options),
    /// Say what a build would do, and why
    Plan(commands::plan::Options),
    /// Tell which entities would have another state under another version
    Replay(commands::replay::Options),
    /// Run the time rules that are due
    Tick(commands::tick::Options),
    /// Show what is stored and how far it is built
    Status(commands::status::Options),
    /// Print the current state of every entity of a type
    Table(commands::table::Options),
    /// Print the history of every entity of a type
    History(commands::history::Options),
    /// Print every version of a relationship's edges
    Relationships(commands::relationships::Options),
    /// Tell what happened to one entity
    Timeline(commands::timeline::Options),
    /// Compare an entity with what it should be; ends with 1 when they differ
    Assert(commands::assert::Options),
    /// Find entities by hint, tell what made two one
    Identity(commands::identity::Options),
    /// Make two entities one, for good
    Merge(commands::merge::Options),
    /// Take a merge back: the two are never one again
    Unmerge(commands::unmerge::Options),
    /// Keep two entities apart for good
    Block(commands::block::Options),
    /// Remove an entity and everything known only through it
    Erase(commands::erase::Options),
    /// Replace what is sensitive of an entity, as its properties' treatments say
    Redact(commands::redact::Options),
    /// Follow the ledger: apply what arrives and run time rules, until stopped
    Run(commands::run::Options),
    /// Divide a namespace among processes, and see who works on what
    Shard(commands::shard::Options),
    /// Compare, register, activate and drop versions of the definitions
    Definitions(commands::definitions::Options),
    /// Look into the ledger
    Ledger(commands::ledger::Options),
    /// Evaluate an expression through the compiled module
    Eval(commands::eval::Options),
    /// Show what normalization makes of raw events, storing nothing
    Normalize(commands::normalize::Options),
    /// Write a normalizer in Rust, C, Go, Python, JavaScript or AssemblyScript
    Normalizer(commands::normalizer::Options),
    /// Check the stored history
    Verify(commands::verify::Options),
    /// Compile, ingest, build and query a sample of real flights
    Demo(commands::demo::Options),
    /// Show the settings in effect and where each comes from
    Config(commands::config::Options),
    /// Explain a diagnostic code, such as DF0105
    Explain(commands::explain::Options),
    /// Print a completion script for a shell
    Completions(commands::completions::Options),
}
