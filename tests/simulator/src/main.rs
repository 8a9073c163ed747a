//! Runs the simulator as a process: `simulator --listen 127.0.0.1:4600 --config FILE.json`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use simulator::{Config, Simulator};
use tokio::signal::unix::{SignalKind, signal};

/// Simulates Security Hub and STS according to their documented rules.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address to listen on. With port 0, a free port is used, which the first line of output states.
    #[arg(long, default_value = "127.0.0.1:4600")]
    listen: String,
    /// The world as a JSON document [default: account 123456789012 with us-east-1, Security Hub enabled].
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = match &arguments.config {
        Some(path) => Config::from_file(path).with_context(|| format!("failed to read {}", path.display()))?,
        None => Config::one_account("123456789012", &["us-east-1"]),
    };
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    let server = Simulator::new(config).serve(&arguments.listen).await;
    let server = server.with_context(|| format!("failed to listen on {}", arguments.listen))?;
    writeln!(std::io::stdout(), "simulator is ready at {}", server.endpoint_url())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}
