//! Initializes the function before the first event: configuration, logs, clients, and handler.

use std::sync::Arc;

use aws::Cloud;
use export_findings::config::Config;
use export_findings::handler::Handler;
use exporter::connection::{CheckSettings, Checker, WriteProbe};
use lambda_runtime::service_fn;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // Converted to a string, because the runtime prints the error of `main` with `Debug`.
    let config = Config::from_env().map_err(|error| error.to_string())?;
    runtime::logs::start(config.log_level, "export_findings");
    let cloud = Arc::new(Cloud::new(&aws::sdk_config().await, config.names).with_management(config.management));
    let checks = CheckSettings { write_probe: WriteProbe::WhereInDoubt, ..CheckSettings::default() };
    let checker = Arc::new(Checker::new(cloud.clone(), checks));
    let handler = Handler::new(cloud, config.settings)
        .with_max_receive_count(config.max_receive_count)
        .with_metrics(config.metrics)
        .with_connection_cache(Arc::new(checker));
    lambda_runtime::run(service_fn(|event| Box::pin(handler.handle(event)))).await
}
