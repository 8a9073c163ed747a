//! Orders, on the queue on which uploads wait.

use exporter::ports::PortError;
use management::Order;
use management::ports::Orders;

use crate::Cloud;
use crate::errors::port_error;

impl Orders for Cloud {
    async fn place(&self, order: &Order) -> Result<(), PortError> {
        let action = || "place an order on the queue".to_owned();
        let failed = |message: String| PortError { action: action(), message };
        let queue_url =
            self.names.queue_url.as_ref().ok_or_else(|| failed("the deployment has no queue".to_owned()))?;
        let body = serde_json::to_string(order).map_err(|error| failed(error.to_string()))?;
        let request = self.sqs.send_message().queue_url(queue_url).message_body(body);
        request.send().await.map(drop).map_err(|error| port_error(action(), &error))
    }
}
