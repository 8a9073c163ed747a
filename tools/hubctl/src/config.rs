//! The options that every command has, and the environment. No other module of `hubctl` reads the environment; the SDK
//! reads its own variables (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, ...).

use std::io::IsTerminal;

use clap::{ArgAction, Args, ValueEnum};

use crate::shell::quoted;

/// Width of output that is not shown on a terminal, in columns.
const WIDTH_ELSEWHERE: u16 = 80;
/// Maximum width, in columns: wider tables are hard to read.
const WIDTH_MAX: u16 = 120;

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// CloudFormation stack of the deployment; its outputs supply the remaining names
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "HUBCTL_STACK",
        hide_env_values = true,
        help_heading = "Deployment"
    )]
    pub(crate) stack: Option<String>,

    /// DynamoDB table of the deployment, instead of --stack
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "HUBCTL_TABLE",
        hide_env_values = true,
        help_heading = "Deployment"
    )]
    pub(crate) table: Option<String>,

    /// State bucket of the deployment, instead of --stack
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "HUBCTL_STATE_BUCKET",
        hide_env_values = true,
        help_heading = "Deployment"
    )]
    pub(crate) state_bucket: Option<String>,

    // Not a doc comment: rustdoc would require backticks around the variable.
    #[arg(help = "Profile of the AWS configuration files [env: AWS_PROFILE]")]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Deployment")]
    pub(crate) profile: Option<String>,

    // Not a doc comment: rustdoc would require backticks around the variable.
    #[arg(help = "Region of the deployment [env: AWS_REGION]")]
    #[arg(long, global = true, value_name = "REGION", help_heading = "Deployment")]
    pub(crate) region: Option<String>,

    /// Output format. JSON field names are stable across releases
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Table, help_heading = "Output")]
    pub(crate) output: OutputFormat,

    // Not a doc comment: rustdoc would require backticks around the variable.
    #[arg(help = "Disable colored output (also: NO_COLOR)")]
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_color: bool,

    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = "Output")]
    help: Option<bool>,

    /// Verbose output; repeat for more detail
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

impl Global {
    /// The options with which another command finds the same deployment, except those that are set by environment variables.
    pub(crate) fn options(&self) -> String {
        let named = [
            ("--stack", &self.stack, "HUBCTL_STACK"),
            ("--table", &self.table, "HUBCTL_TABLE"),
            ("--state-bucket", &self.state_bucket, "HUBCTL_STATE_BUCKET"),
            ("--profile", &self.profile, "AWS_PROFILE"),
            ("--region", &self.region, "AWS_REGION"),
        ];
        let option = |(option, value, variable): (&str, &Option<String>, &str)| {
            let value = value.as_ref().filter(|value| !is_set(variable, value))?;
            Some(format!(" {option} {}", quoted(value)))
        };
        named.into_iter().filter_map(option).collect()
    }
}

/// Whether an environment variable has this value.
pub(crate) fn is_set(variable: &str, value: &str) -> bool {
    std::env::var(variable).is_ok_and(|set| set == value)
}

/// The value of `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    // No doc comments here: clap would list them in every help text.
    Table,
    Json,
    // The same values as JSON.
    Yaml,
    // Rows under headings, only for commands that support it.
    #[value(skip)]
    Csv,
}

/// Whether results are for users or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables, for users.
    Table,
    /// JSON, YAML, or CSV, for programs.
    Json,
}

/// What an output stream can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// The stream is a terminal.
    pub(crate) terminal: bool,
    /// Colors are supported and enabled.
    pub(crate) color: bool,
    /// Width, in columns.
    pub(crate) width: u16,
}

impl Style {
    /// The style of a stream of the process.
    pub(crate) fn of(stream: &impl IsTerminal, no_color: bool) -> Self {
        let terminal = stream.is_terminal();
        // https://no-color.org: any value except an empty one.
        let unwanted = no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let width = terminal_size::terminal_size().map_or(WIDTH_ELSEWHERE, |(width, _)| width.0.min(WIDTH_MAX));
        Self { terminal, color: terminal && !unwanted && !dumb, width: if terminal { width } else { WIDTH_ELSEWHERE } }
    }
}
