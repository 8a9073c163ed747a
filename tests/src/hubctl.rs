//! The operators' command line, as it is built for them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::Stage;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub exit: i32,
    /// The result.
    pub stdout: String,
    /// What was said beside it.
    pub stderr: String,
}

/// Runs `hubctl` on the words of a line, against the stack that is up, with something on standard input.
///
/// # Errors
///
/// When it was not built, or ended otherwise than by itself.
pub fn hubctl(stage: &Stage, line: &str, stdin: &str) -> Result<Ended> {
    let mut child = Command::new(stage.hubctl_program())
        .args(line.split_whitespace())
        .args(["--stack", stage.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}: make build makes it", stage.hubctl_program().display()))?;
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().context("standard input")?.write_all(stdin.as_bytes());
    let output = child.wait_with_output()?;
    Ok(Ended {
        exit: output.status.code().with_context(|| format!("hubctl {line} was killed"))?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Runs a command as it was printed: `hubctl ...`, with nothing added to it but what is typed behind. A comment that was
/// printed behind it is left out.
///
/// # Errors
///
/// When it was not built, or ended otherwise than by itself.
pub fn typed(stage: &Stage, printed: &str, more: &str) -> Result<Ended> {
    let line = printed.split("  # ").next().unwrap_or_default().trim();
    let words = line.strip_prefix("hubctl ").with_context(|| format!("no command of ours: {printed}"))?;
    let output =
        Command::new(stage.hubctl_program()).args(words.split_whitespace()).args(more.split_whitespace()).output()?;
    Ok(Ended {
        exit: output.status.code().with_context(|| format!("{line} was killed"))?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// The commands of ours that stand on lines of their own, each once.
pub fn printed(text: &str) -> Vec<String> {
    let mut commands: Vec<_> =
        text.lines().map(str::trim).filter(|line| line.starts_with("hubctl ")).map(str::to_owned).collect();
    commands.sort_unstable();
    commands.dedup();
    commands
}

/// Runs a command that must succeed, and reads its result.
///
/// # Errors
///
/// When it does not succeed.
pub fn json(stage: &Stage, line: &str) -> Result<Value> {
    let ended = hubctl(stage, &format!("{line} --output json"), "")?;
    ensure!(ended.exit == 0, "hubctl {line}: {ended:#?}");
    Ok(serde_json::from_str(&ended.stdout)?)
}
