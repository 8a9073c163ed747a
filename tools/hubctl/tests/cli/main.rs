//! Runs the built `hubctl` as users do, on real scans and on hostile files.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on should panic")]

mod convert;
mod exit_codes;
mod help;
mod hostile;
mod manage;
mod standalone;
mod standalone_runs;
mod usage;
mod validate;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The path of a sample scan of this repository.
fn scan(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scans").join(name)
}

/// A `hubctl` process without the environment of this machine.
fn hubctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    command
}

/// The exit code and the output of a command, for assertions and snapshots.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("the process was not killed by a signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Exit code and output as one string, with the directory of the file removed from messages.
    fn text(&self, folder: &Path) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.exit, self.stdout, self.stderr);
        text.replace(&format!("{}/", folder.display()), "")
    }
}

/// Runs `hubctl` with the words of a line as arguments.
fn run(line: &str) -> Ended {
    Ended::of(hubctl().args(line.split_whitespace()).output().expect("hubctl starts"))
}

/// Runs a command in the directory of a file, so that messages contain only the name of the file.
fn run_in(folder: &Path, line: &str) -> Ended {
    let output = hubctl().args(line.split_whitespace()).current_dir(folder).output();
    Ended::of(output.expect("hubctl starts"))
}
