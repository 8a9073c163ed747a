//! Serves the console on 127.0.0.1 over in-memory ports with sample data of every kind:
//! `serve [PORT] [--read-only] [--accounts NUMBER] [--runs NUMBER]`. The last two options add a large organization.
//! A worker completes jobs, but only records them. `make console` starts this program, and browsers test it
//! (`make test-console`).

mod bench;
mod sample;
mod worker;

use std::io::Write as _;
use std::sync::Arc;

use exporter::testing::InMemory;
use jiff::Timestamp;
use management::{Service, router};
use tokio::net::TcpListener;
use web_console::{InProcess, PORT_DEFAULT, Ports, Settings, console};

type Failure = Box<dyn std::error::Error>;

/// The operator that uses the console.
const OPERATOR: &str = "arn:aws:sts::111122223333:assumed-role/SecurityAdmin/anna";

struct Options {
    port: u16,
    is_read_only: bool,
    accounts: u64,
    runs: u64,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self { port: PORT_DEFAULT, is_read_only: false, accounts: 0, runs: 0 };
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().ok_or(format!("{argument} needs a number"));
            match argument.as_str() {
                "--read-only" => options.is_read_only = true,
                "--accounts" => options.accounts = number()?.parse()?,
                "--runs" => options.runs = number()?.parse()?,
                port => options.port = port.parse()?,
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    let memory = Arc::new(InMemory::default());
    sample::fill(&memory, Timestamp::now())?;
    sample::fill_many(&memory, options.accounts, options.runs, Timestamp::now())?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let deployment =
        management::Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..management::Settings::default() };
    let api = router(Arc::new(Service::new(memory.clone(), deployment)));
    let ports = Ports {
        api: Arc::new(InProcess::new(api, OPERATOR)),
        workbench: Some(Arc::new(bench::Bench { memory: memory.clone() })),
    };
    let settings = Settings {
        region: "eu-west-1".to_owned(),
        identity: OPERATOR.to_owned(),
        is_read_only: options.is_read_only,
        ..Settings::new(listener.local_addr()?.port())
    };
    let (router, gate) = console(ports, settings);
    tokio::spawn(worker::run(memory));
    writeln!(std::io::stdout(), "{}", gate.new_link())?;
    axum::serve(listener, router).await?;
    Ok(())
}
