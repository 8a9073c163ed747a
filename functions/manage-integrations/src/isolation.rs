//! A process of its own for each request of CloudFormation, so that its end is not ours.
//!
//! The functions are compiled with `panic = "abort"` (decision 31): a panic ends the process, as does a stack that overflows or
//! memory that is used up. The child runs this program again, with the request on standard input, and answers CloudFormation
//! itself. The parent learns from its exit status whether it did, and answers if the child was killed.

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

/// Runs requests in processes of their own.
#[derive(Clone, Debug)]
pub struct Isolation {
    program: PathBuf,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// CloudFormation has its answer.
    Answered,
    /// It did not take the answer. The child logged why.
    Unanswered,
    /// The child did not get so far, and this is why.
    Died(&'static str),
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

    /// Runs a request. The child is killed when `patience` is over.
    ///
    /// # Errors
    ///
    /// If there can be no child. Nothing was done then.
    pub async fn run(&self, payload: &Value, patience: Duration) -> io::Result<Ended> {
        let mut command = Command::new(&self.program);
        command.arg(CARRY_OUT).arg(patience.as_millis().to_string()).stdin(Stdio::piped());
        let mut child = Killed(command.spawn()?);
        let input = payload.to_string();
        if let Some(mut stdin) = child.0.stdin.take() {
            // A child that died reads no more of it; its exit status says so.
            tokio::task::spawn_blocking(move || stdin.write_all(input.as_bytes()).ok());
        }
        let until = Instant::now() + patience;
        loop {
            match child.0.try_wait()? {
                Some(status) => return Ok(Ended::of(status)),
                None if Instant::now() < until => sleep(POLL).await,
                None => return Ok(Ended::Died("the function's time was over; its log says more")),
            }
        }
    }
}

impl Ended {
    fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(0) => Self::Answered,
            Some(PANICKED) | None => Self::Died("a defect of ours; the function's log says more"),
            Some(_) => Self::Unanswered,
        }
    }
}

/// A child that does not outlive its request.
struct Killed(Child);

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

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    /// With a shell script for the program.
    pub(crate) fn script(name: &str, text: &str) -> Isolation {
        let program = std::env::temp_dir().join(format!("carry-out-{}-{name}", std::process::id()));
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        Isolation { program }
    }

    async fn ended(name: &str, text: &str, patience: Duration) -> Ended {
        let isolation = script(name, text);
        let ended = isolation.run(&json!({ "a": 1 }), patience).await.unwrap();
        std::fs::remove_file(isolation.program).unwrap();
        ended
    }

    #[tokio::test]
    async fn the_exit_status_says_whether_cloudformation_was_answered() {
        let patience = Duration::from_secs(20);
        assert_eq!(
            ended("done", r#"[ "$1" = carry-out ] && [ "$(cat)" = '{"a":1}' ]"#, patience).await,
            Ended::Answered
        );
        assert_eq!(ended("fails", "exit 1", patience).await, Ended::Unanswered);
        assert!(matches!(ended("dies", "kill -ABRT $$", patience).await, Ended::Died(why) if why.contains("defect")));
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_killed() {
        let began = Instant::now();
        let ended = ended("hangs", "exec sleep 60", Duration::from_millis(300)).await;
        assert!(matches!(ended, Ended::Died(why) if why.contains("time was over")));
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn only_a_child_has_a_request() {
        assert!(request(["manage-integrations".into()].into_iter()).unwrap().is_none());
    }
}
