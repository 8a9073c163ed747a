//! Runs the built `hubctl` as operators do.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::Stage;

/// The result of a command.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `hubctl` with the words of a line as arguments, for the running stack, with this standard input.
///
/// # Errors
///
/// If it was not built, or was killed by a signal.
pub fn hubctl(stage: &Stage, line: &str, stdin: &str) -> Result<Ended> {
    let mut child = Command::new(stage.hubctl_program())
        .args(line.split_whitespace())
        .args(["--stack", stage.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}: make build makes it", stage.hubctl_program().display()))?;
    // A command that doesn't read its standard input may have ended already.
    let _ = child.stdin.take().context("standard input")?.write_all(stdin.as_bytes());
    let output = child.wait_with_output()?;
    Ok(Ended {
        exit: output.status.code().with_context(|| format!("hubctl {line} was killed"))?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Runs a printed command, `hubctl ...`, unchanged except for additional arguments at the end. A comment after the command is
/// removed.
///
/// # Errors
///
/// If `hubctl` was not built, or was killed by a signal.
pub fn typed(stage: &Stage, printed: &str, more: &str) -> Result<Ended> {
    let line = printed.split("  # ").next().unwrap_or_default().trim();
    let words = line.strip_prefix("hubctl ").with_context(|| format!("not a hubctl command: {printed}"))?;
    let output =
        Command::new(stage.hubctl_program()).args(words.split_whitespace()).args(more.split_whitespace()).output()?;
    Ok(Ended {
        exit: output.status.code().with_context(|| format!("{line} was killed"))?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// The `hubctl` commands on separate lines of a text, without duplicates.
pub fn printed(text: &str) -> Vec<String> {
    let mut commands: Vec<_> =
        text.lines().map(str::trim).filter(|line| line.starts_with("hubctl ")).map(str::to_owned).collect();
    commands.sort_unstable();
    commands.dedup();
    commands
}

/// Runs a command that must succeed, and parses its JSON output.
///
/// # Errors
///
/// If it does not succeed.
pub fn json(stage: &Stage, line: &str) -> Result<Value> {
    let ended = hubctl(stage, &format!("{line} --output json"), "")?;
    ensure!(ended.exit == 0, "hubctl {line}: {ended:#?}");
    Ok(serde_json::from_str(&ended.stdout)?)
}
