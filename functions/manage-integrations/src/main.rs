//! Wires the function: configuration, logs, clients, handler. All is built once, before the first event.

use std::sync::Arc;

use aws::Cloud;
use lambda_runtime::service_fn;
use manage_integrations::answer::Https;
use manage_integrations::config::Config;
use manage_integrations::handler::Handler;
use management::Service;
use runtime::isolation;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // As text: what ends a program is shown in its debug form.
    let config = Config::from_env().map_err(|error| error.to_string())?;
    runtime::logs::start(config.log_level, "manage_integrations");
    let answers = Https::new(config.answers)?;
    let cloud = Cloud::new(&aws::sdk_config().await, config.names).managing(config.managing);
    let handler = Handler::new(Arc::new(Service::new(Arc::new(cloud), config.settings)), answers);
    if let Some((payload, time)) = isolation::request(std::env::args_os())? {
        handler.alone(&payload, time).await.map_err(|error| error.to_string())?;
        return Ok(());
    }
    let handler = handler.with_isolation(isolation::Isolation::of_this_program()?);
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
