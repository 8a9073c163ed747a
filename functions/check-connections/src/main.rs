//! Initializes the function before the first event: configuration, logs, clients, and handler.

use std::io::{Write as _, stdout};
use std::sync::Arc;

use aws::{CheckQueue, Cloud};
use check_connections::config::Config;
use check_connections::handler::{Handler, SqsFanOut};
use lambda_runtime::service_fn;
use runtime::{isolation, logs};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // Converted to a string, because the runtime prints the error of `main` with `Debug`.
    let config = Config::from_env().map_err(|error| error.to_string())?;
    let request = isolation::request(std::env::args_os())?;
    let start = if request.is_some() { logs::start_in_child } else { logs::start };
    start(config.log_level, "check_connections");
    let sdk = aws::sdk_config().await;
    let fan_out = SqsFanOut(config.check_queue_url.map(|url| CheckQueue::new(&sdk, url)));
    let cloud = Arc::new(Cloud::new(&sdk, config.names));
    let handler = Handler::new(cloud, fan_out, config.settings, config.integration_metrics);
    if let Some((payload, time)) = request {
        let outcome = handler.run_in_child(payload, time).await?;
        stdout().write_all(&serde_json::to_vec(&outcome)?)?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
