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
