//! Orders, on the queue on which uploads wait.

use std::time::Duration;

use exporter::order::Order;
use exporter::ports::{PortError, Queue};
use management::ports::Orders;

use crate::Cloud;

impl Orders for Cloud {
    async fn place(&self, order: &Order) -> Result<(), PortError> {
        if self.order(order, Duration::ZERO).await? {
            return Ok(());
        }
        Err(PortError { action: format!("order to {order}"), message: "the deployment has no queue".to_owned() })
    }
}
