//! `hubctl completion`: generates a completion script for a shell.

use anyhow::Result;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::render::Output;

/// Generate a completion script for a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  hubctl completion bash > /etc/bash_completion.d/hubctl")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut hubctl: clap::Command, output: &mut Output) -> Result<Exit> {
    // Written in one call: the generator panics on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut hubctl, "hubctl", &mut script);
    output.out().write_all(&script)?;
    Ok(Exit::Success)
}
