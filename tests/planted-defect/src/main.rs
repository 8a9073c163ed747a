//! The function manage-integrations, on ports in memory, with a planted defect: the first change that it commits panics.
//!
//! Tests always unwind, whatever the profile says, so none of them can tell what a panic does in the deployed programs.
//! `make package` compiles this program with the functions, and `local/defect.py` invokes it as Lambda would: CloudFormation
//! must be answered, and the next request must be handled.

use std::sync::Arc;

use lambda_runtime::service_fn;
use manage_integrations::answer::Https;
use manage_integrations::handler::Handler;
use manage_integrations::isolation;
use management::host::Reach;
use management::memory::Memory;
use management::{Service, Settings};
use tracing::level_filters::LevelFilter;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::logs::start(LevelFilter::INFO, "manage_integrations");
    let memory = Arc::new(Memory::default());
    memory.before_next_commit(|_| unreachable!("a planted defect"));
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned() };
    let handler = Handler::new(Arc::new(Service::new(memory, settings)), Https::new(Reach::Anywhere)?);
    if let Some((payload, time)) = isolation::request(std::env::args_os())? {
        handler.alone(&payload, time).await.map_err(|error| error.to_string())?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
