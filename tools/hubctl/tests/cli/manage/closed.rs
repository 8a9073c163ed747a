//! A reader that closes the pipe, as `head` does: the command completes its work, and its exit code is unchanged.

use std::fs::OpenOptions;
use std::io::pipe;
use std::process::{Command, Stdio};

use super::{ACCOUNT, Deployment, disconnected};

/// Number of providers in the file.
const MANY: usize = 8;

/// The exit code of a command whose output pipe is closed.
fn unread(mut command: Command) -> i32 {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).stdin(Stdio::null()).status();
    status.unwrap().code().unwrap()
}

fn of_many_providers() -> Deployment {
    let deployment = Deployment::new();
    let ids: String = (0..MANY).map(|number| format!("- id: 30000000000{number}\n")).collect();
    deployment.file("many.yaml", &format!("providers:\n{ids}"));
    deployment
}

#[test]
fn a_closed_pipe_does_not_stop_apply() {
    let deployment = of_many_providers();
    assert_eq!(unread(deployment.command("apply -f many.yaml --dry-run")), 6);
    assert_eq!(unread(deployment.command("apply -f many.yaml -vv")), 0);
    assert_eq!(deployment.memory.contents().providers.len(), MANY);
    deployment.file("none.yaml", "providers: [{id: 300000000000}]\n");
    assert_eq!(unread(deployment.command("apply -f none.yaml --prune")), 2, "no prompt can be answered");
}

#[test]
fn a_closed_pipe_changes_no_exit_code() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(unread(deployment.command("integration list")), 0);
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![disconnected()]);
    assert_eq!(unread(deployment.command(&format!("integration test {ACCOUNT}"))), 4);
    assert_eq!(unread(deployment.command("integration show 999999999999")), 1);
    assert_eq!(unread(deployment.command("integration shaw")), 2);
    assert_eq!(unread(deployment.command("--help")), 0);
}

/// Unlike a closed pipe, a full disk is an error: the work is completed, but its output is lost.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_stop_the_work_and_is_an_error() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let deployment = of_many_providers();
    let ended = deployment.command("apply -f many.yaml").stdout(full()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("error: the work is complete, but its output can't be written"), "{said}");
    assert_eq!(deployment.memory.contents().providers.len(), MANY);
    let mut dry = deployment.command("apply -f many.yaml --renew-keys");
    assert_eq!(dry.stderr(full()).status().unwrap().code(), Some(1), "standard error is part of the output");
}
