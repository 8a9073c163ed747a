//! `hubctl man`: generates man pages.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::exit::Exit;
use crate::render::Output;

/// Generate man pages
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hubctl man /usr/local/share/man/man1
  hubctl man . && man ./hubctl-integration-create.1")]
pub(crate) struct Args {
    /// Output directory; created if missing
    #[arg(value_name = "DIRECTORY")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, hubctl: clap::Command, output: &mut Output) -> Result<Exit> {
    let folder = &args.folder;
    let failed = || format!("failed to write the man pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(hubctl, folder).with_context(failed)?;
    output.note(format!(
        "Wrote the man pages to {}. To read them: man {}",
        folder.display(),
        folder.join("hubctl.1").display()
    ))?;
    Ok(Exit::Success)
}
