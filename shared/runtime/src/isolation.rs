//! A child process for work whose panic must not end the invocation.
//!
//! The functions are compiled with `panic = "abort"` (decision 31): a panic ends the process, as does a stack that overflows or
//! memory that is used up. The child runs this program again, with its request on standard input. The parent learns from the
//! exit status how it ended, and reads the result from standard output, if the child writes one.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// The argument of a child, before the milliseconds that it has.
const CARRY_OUT: &str = "carry-out";
/// How often the parent looks whether the child ended. Most requests take a second or more.
const POLL: Duration = Duration::from_millis(20);
/// The exit code of a Rust program whose main thread panicked, in profiles that unwind.
const PANICKED: i32 = 101;

/// Runs requests in child processes.
#[derive(Clone, Debug)]
pub struct Isolation {
    program: PathBuf,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It did what it was asked for.
    Succeeded,
    /// It returned an error, and logged it.
    Failed,
    /// A panic or a signal ended it.
    Died,
    /// It was killed at its deadline.
    TimedOut,
}

impl Ended {
    /// Why there is no result.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TimedOut => "deadline exceeded; see the function's logs",
            _ => "internal error; see the function's logs",
        }
    }

    fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(0) => Self::Succeeded,
            Some(PANICKED) | None => Self::Died,
            Some(_) => Self::Failed,
        }
    }
}

impl Isolation {
    /// With the program that is running.
    ///
    /// # Errors
    ///
    /// If the system does not tell which that is.
    pub fn of_this_program() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()? })
    }

    /// Runs a request. The child is killed when `patience` is over. It shares our standard output.
    ///
    /// # Errors
    ///
    /// If there can be no child. Nothing was done then.
    pub async fn run(&self, payload: &Value, patience: Duration) -> io::Result<Ended> {
        self.start(payload, patience, Stdio::inherit())?.end(patience).await
    }

    /// Runs a request and reads what the child writes to standard output. Its log lines must go to standard error.
    ///
    /// # Errors
    ///
    /// If there can be no child. Nothing was done then.
    pub async fn output(&self, payload: &Value, patience: Duration) -> io::Result<(Ended, Vec<u8>)> {
        let mut child = self.start(payload, patience, Stdio::piped())?;
        let stdout = child.0.stdout.take();
        // While it runs: a pipe holds less than a result may have.
        let output = tokio::task::spawn_blocking(move || {
            let mut output = Vec::new();
            // A part of it is no result, and is not taken for one.
            stdout.map(|mut stdout| stdout.read_to_end(&mut output));
            output
        });
        // Then it is dropped, and the pipe ends.
        let ended = child.end(patience).await?;
        Ok((ended, output.await.unwrap_or_default()))
    }

    fn start(&self, payload: &Value, patience: Duration, stdout: Stdio) -> io::Result<Killed> {
        let mut command = Command::new(&self.program);
        command.arg(CARRY_OUT).arg(patience.as_millis().to_string()).stdin(Stdio::piped()).stdout(stdout);
        let mut child = Killed(command.spawn()?);
        let input = payload.to_string();
        if let Some(mut stdin) = child.0.stdin.take() {
            // A child that died reads no more of it; its exit status says so.
            tokio::task::spawn_blocking(move || stdin.write_all(input.as_bytes()).ok());
        }
        Ok(child)
    }
}

/// A child that does not outlive its request.
struct Killed(Child);

impl Killed {
    async fn end(mut self, patience: Duration) -> io::Result<Ended> {
        let until = Instant::now() + patience;
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(Ended::of(status)),
                None if Instant::now() < until => sleep(POLL).await,
                None => return Ok(Ended::TimedOut),
            }
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail for a child that has ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The request of this process, and the time that it has, if it is a child.
///
/// # Errors
///
/// If standard input holds no request.
pub fn request(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Option<(Value, Duration)>> {
    if arguments.nth(1).is_none_or(|argument| argument != CARRY_OUT) {
        return Ok(None);
    }
    let time = arguments.next().and_then(|argument| argument.to_str()?.parse().ok());
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(Some((serde_json::from_str(&text)?, Duration::from_millis(time.unwrap_or_default()))))
}

/// Programs for tests.
pub mod scripts {
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;

    use super::Isolation;

    /// With a shell script for the program.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn script(name: &str, text: &str) -> io::Result<Isolation> {
        let program = std::env::temp_dir().join(format!("carry-out-{}-{name}", std::process::id()));
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n"))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700))?;
        Ok(Isolation { program })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::scripts::script;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn ended(name: &str, text: &str, patience: Duration) -> Ended {
        let isolation = script(name, text).unwrap();
        let ended = isolation.run(&json!({ "a": 1 }), patience).await.unwrap();
        std::fs::remove_file(isolation.program).unwrap();
        ended
    }

    #[tokio::test]
    async fn the_exit_status_says_how_a_child_ended() {
        let done = r#"[ "$1" = carry-out ] && [ "$(cat)" = '{"a":1}' ]"#;
        assert_eq!(ended("done", done, PATIENCE).await, Ended::Succeeded);
        assert_eq!(ended("fails", "exit 1", PATIENCE).await, Ended::Failed);
        assert_eq!(ended("dies", "kill -ABRT $$", PATIENCE).await, Ended::Died);
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_killed() {
        let began = Instant::now();
        assert_eq!(ended("hangs", "exec sleep 60", Duration::from_millis(300)).await, Ended::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn the_result_may_be_larger_than_a_pipe_holds() {
        let isolation = script("writes", "cat >/dev/null; head -c 1000000 /dev/zero").unwrap();
        let (ended, output) = isolation.output(&json!({}), PATIENCE).await.unwrap();
        std::fs::remove_file(isolation.program).unwrap();
        assert_eq!((ended, output.len()), (Ended::Succeeded, 1_000_000));
    }

    #[test]
    fn only_a_child_has_a_request() {
        assert!(request(["manage-integrations".into()].into_iter()).unwrap().is_none());
    }
}
