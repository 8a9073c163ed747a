//! Runs `hubctl` with the process's arguments and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hubctl::run(std::env::args_os())
}
