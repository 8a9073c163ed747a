//! Runs the built `hubctl` as its users do, on genuine scans and on hostile files.

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

/// The genuine scans of this repository.
fn scan(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scans").join(name)
}

/// A `hubctl` that knows nothing of the machine it runs on.
fn hubctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    command
}

/// How a command ended, for people and for snapshots.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// All of it in one text, with the folder of the file taken out of the messages.
    fn text(&self, folder: &Path) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.exit, self.stdout, self.stderr);
        text.replace(&format!("{}/", folder.display()), "")
    }
}

/// Runs `hubctl` on the words of a line.
fn run(line: &str) -> Ended {
    Ended::of(hubctl().args(line.split_whitespace()).output().expect("hubctl starts"))
}

/// Runs a command on a file, from the folder that it is in, so that messages name the file alone.
fn run_in(folder: &Path, line: &str) -> Ended {
    let output = hubctl().args(line.split_whitespace()).current_dir(folder).output();
    Ended::of(output.expect("hubctl starts"))
}
