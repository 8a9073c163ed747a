//! Starts `hubctl`: hands it the arguments and the terminal, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hubctl::run(std::env::args_os())
}
