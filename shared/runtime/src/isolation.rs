//! Runs work in a child process, if a panic in it must not end the invocation.
//!
//! The functions are compiled with `panic = "abort"` (decision 31): a panic ends the process, as does a stack overflow or
//! exhausted memory. The child process runs the same program, and reads its request from standard input. Its exit status shows
//! the parent how the child ended. If the request has a result, the child writes it to standard output.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// First argument of a child process. The second argument is its time limit in milliseconds.
const CHILD_ARGUMENT: &str = "run-request";
/// Polling interval of the parent. Most requests take a second or more.
const POLL: Duration = Duration::from_millis(20);
/// Exit code of a Rust program whose main thread panicked, in profiles that unwind.
const PANICKED: i32 = 101;

/// Runs requests in child processes.
#[derive(Clone, Debug)]
pub struct Isolation {
    program: PathBuf,
}

/// How a child process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The child succeeded.
    Succeeded,
    /// The child returned an error, which it logged.
    Failed,
    /// A panic or a signal ended the child.
    Died,
    /// The child was killed at its deadline.
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
    /// Runs children with the program of the current process.
    ///
    /// # Errors
    ///
    /// If the path of the program can't be determined.
    pub fn of_this_program() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()? })
    }

    /// Runs a request in a child, which inherits standard output. Kills the child after `timeout`.
    ///
    /// # Errors
    ///
    /// If the child can't be started. Then nothing was done.
    pub async fn run(&self, payload: &Value, timeout: Duration) -> io::Result<Ended> {
        self.start(payload, timeout, Stdio::inherit())?.end(timeout).await
    }

    /// Runs a request in a child, and returns the child's standard output. The child must log to standard error.
    ///
    /// # Errors
    ///
    /// If the child can't be started. Then nothing was done.
    pub async fn output(&self, payload: &Value, timeout: Duration) -> io::Result<(Ended, Vec<u8>)> {
        let mut child = self.start(payload, timeout, Stdio::piped())?;
        let stdout = child.0.stdout.take();
        // Read concurrently: a result may be larger than the pipe's buffer.
        let output = tokio::task::spawn_blocking(move || {
            let mut output = Vec::new();
            // A read error leaves partial output, which the caller can't parse.
            stdout.map(|mut stdout| stdout.read_to_end(&mut output));
            output
        });
        // `end` drops the child, which closes the pipe.
        let ended = child.end(timeout).await?;
        Ok((ended, output.await.unwrap_or_default()))
    }

    fn start(&self, payload: &Value, timeout: Duration, stdout: Stdio) -> io::Result<ChildGuard> {
        let mut command = Command::new(&self.program);
        command.arg(CHILD_ARGUMENT).arg(timeout.as_millis().to_string()).stdin(Stdio::piped()).stdout(stdout);
        let mut child = ChildGuard(command.spawn()?);
        let input = payload.to_string();
        if let Some(mut stdin) = child.0.stdin.take() {
            // A write error means that the child died, which its exit status shows.
            tokio::task::spawn_blocking(move || stdin.write_all(input.as_bytes()).ok());
        }
        Ok(child)
    }
}

/// Kills the child when dropped.
struct ChildGuard(Child);

impl ChildGuard {
    async fn end(mut self, timeout: Duration) -> io::Result<Ended> {
        let until = Instant::now() + timeout;
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(Ended::of(status)),
                None if Instant::now() < until => sleep(POLL).await,
                None => return Ok(Ended::TimedOut),
            }
        }
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        // Both calls fail if the child has already ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The request and the time limit, if this process is a child.
///
/// # Errors
///
/// If standard input doesn't contain a valid request.
pub fn request(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Option<(Value, Duration)>> {
    if arguments.nth(1).is_none_or(|argument| argument != CHILD_ARGUMENT) {
        return Ok(None);
    }
    let time = arguments.next().and_then(|argument| argument.to_str()?.parse().ok());
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(Some((serde_json::from_str(&text)?, Duration::from_millis(time.unwrap_or_default()))))
}

/// Shell scripts as child programs, for tests.
pub mod scripts {
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;

    use super::Isolation;

    /// Runs children with a shell script.
    ///
    /// # Errors
    ///
    /// If the script can't be written.
    pub fn script(name: &str, text: &str) -> io::Result<Isolation> {
        let program = std::env::temp_dir().join(format!("run-request-{}-{name}", std::process::id()));
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

    const TIMEOUT: Duration = Duration::from_secs(20);

    async fn ended(name: &str, text: &str, timeout: Duration) -> Ended {
        let isolation = script(name, text).unwrap();
        let ended = isolation.run(&json!({ "a": 1 }), timeout).await.unwrap();
        std::fs::remove_file(isolation.program).unwrap();
        ended
    }

    #[tokio::test]
    async fn the_exit_status_shows_how_a_child_ended() {
        let done = r#"[ "$1" = run-request ] && [ "$(cat)" = '{"a":1}' ]"#;
        assert_eq!(ended("done", done, TIMEOUT).await, Ended::Succeeded);
        assert_eq!(ended("fails", "exit 1", TIMEOUT).await, Ended::Failed);
        assert_eq!(ended("dies", "kill -ABRT $$", TIMEOUT).await, Ended::Died);
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
        let (ended, output) = isolation.output(&json!({}), TIMEOUT).await.unwrap();
        std::fs::remove_file(isolation.program).unwrap();
        assert_eq!((ended, output.len()), (Ended::Succeeded, 1_000_000));
    }

    #[test]
    fn only_a_child_has_a_request() {
        assert!(request(["manage-integrations".into()].into_iter()).unwrap().is_none());
    }
}
