//! Initializes the function before the first event: configuration, logs, clients, and handler.

use std::sync::Arc;

use aws::Cloud;
use lambda_runtime::service_fn;
use manage_integrations::config::Config;
use manage_integrations::handler::Handler;
use manage_integrations::response::Https;
use management::Service;
use runtime::isolation;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // Converted to a string, because the runtime prints the error of `main` with `Debug`.
    let config = Config::from_env().map_err(|error| error.to_string())?;
    runtime::logs::start(config.log_level, "manage_integrations");
    let response_sender = Https::new(config.response_url_policy)?;
    let cloud = Cloud::new(&aws::sdk_config().await, config.names).with_management(config.management);
    let handler = Handler::new(Arc::new(Service::new(Arc::new(cloud), config.settings)), response_sender);
    if let Some((payload, time)) = isolation::request(std::env::args_os())? {
        handler.run_in_child(&payload, time).await.map_err(|error| error.to_string())?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
