//! The simulator as a process: it prints one line when it is ready, and ends on SIGTERM.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::http::send;
use crate::stage::config;

/// Longer than the five seconds that the server waits for calls in flight.
const END_WAIT_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn it_prints_its_address_and_ends_on_sigterm() {
    let file = std::env::temp_dir().join(format!("simulator-{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_string(&config()).unwrap()).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(["--listen", "127.0.0.1:0", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("simulator is ready at http://").unwrap().parse().unwrap();
    let health = send(address, "GET", "/_simulator/health", &[], "").await.unwrap();
    assert_eq!(health.json(), json!({ "status": "ok", "now": "2026-11-23T08:00:00Z" }));
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let status = tokio::time::timeout(END_WAIT_MAX, process.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(lines.next_line().await.unwrap(), None);
    std::fs::remove_file(&file).unwrap();
}
