//! The functions manage-integrations and check-connections, on in-memory ports, with a planted defect: the first committed change
//! panics, and so does the check of one account.
//!
//! Tests always unwind, whatever the profile states, so that none of them can show the effect of a panic in the deployed
//! programs. `make package` compiles this program with the functions, and `local/defect.py` invokes it as Lambda does:
//! CloudFormation must get a response, the other accounts must be checked, and the next request must be processed.

use std::io::{Write as _, stdout};
use std::sync::Arc;

use asff::AccountId;
use check_connections::handler::SqsFanOut;
use exporter::connection::CheckSettings;
use exporter::model::integration::Integration;
use exporter::testing::{InMemory, Operation};
use lambda_runtime::{Error, service_fn};
use manage_integrations::handler::Handler;
use manage_integrations::response::Https;
use management::host::ResponseUrlPolicy;
use management::{Service, Settings};
use runtime::{isolation, logs};
use tracing::level_filters::LevelFilter;

/// The accounts that are checked, and the one whose check panics.
const ACCOUNTS: [&str; 4] = ["100000000000", "100000000001", "100000000002", "100000000003"];
const DEFECT: &str = "100000000002";

#[tokio::main]
async fn main() -> Result<(), Error> {
    // The program is the function whose name Lambda sets. Its child processes inherit the name.
    match std::env::var("AWS_LAMBDA_FUNCTION_NAME")?.as_str() {
        "check-connections" => check_connections().await,
        _ => manage_integrations().await,
    }
}

/// Ends the process, also in profiles that unwind.
fn defect() -> ! {
    if cfg!(panic = "unwind") {
        std::process::abort();
    }
    unreachable!("a planted defect")
}

async fn manage_integrations() -> Result<(), Error> {
    logs::start(LevelFilter::INFO, "manage_integrations");
    let memory = Arc::new(InMemory::default());
    memory.contents().faults.before_next(Operation::Commit, |_| defect());
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..Settings::default() };
    let handler = Handler::new(Arc::new(Service::new(memory, settings)), Https::new(ResponseUrlPolicy::Anywhere)?);
    if let Some((payload, time)) = isolation::request(std::env::args_os())? {
        handler.run_in_child(&payload, time).await.map_err(|error| error.to_string())?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}

async fn check_connections() -> Result<(), Error> {
    let request = isolation::request(std::env::args_os())?;
    let start = if request.is_some() { logs::start_in_child } else { logs::start };
    start(LevelFilter::INFO, "check_connections");
    let memory = InMemory::default();
    for account in ACCOUNTS {
        memory.contents().put_integration(Integration::new(account.parse::<AccountId>()?));
    }
    memory.hubs().contents().on_connect = Some(|account| {
        if account.as_str() == DEFECT {
            defect()
        }
    });
    let ports = Arc::new(memory);
    let handler = check_connections::handler::Handler::new(ports, SqsFanOut(None), CheckSettings::default(), true);
    if let Some((payload, time)) = request {
        let outcome = handler.run_in_child(payload, time).await?;
        stdout().write_all(&serde_json::to_vec(&outcome)?)?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
