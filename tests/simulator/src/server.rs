//! The simulator as a server on one port: Security Hub with its paths, STS, EC2, and Organizations at `POST /`, and `/_simulator`
//! for tests.

mod admin;
mod connection;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, patch, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Simulator;
use crate::limits::REQUEST_BYTES_MAX;
use crate::operation::Operation;
use connection::{Connection, Droppable};

/// Time that a stopping server waits for calls in flight. It is longer than the longest call of a test.
const STOP_WAIT_MAX: Duration = Duration::from_secs(5);

/// A running server. It stops on request, or when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value for `AWS_ENDPOINT_URL_SECURITYHUB` and `AWS_ENDPOINT_URL_STS`.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting calls, waits up to five seconds for those in flight, and stops the server.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(STOP_WAIT_MAX, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Simulator {
    /// Serves this world at an address such as `127.0.0.1:0`.
    ///
    /// # Errors
    ///
    /// If the address can't be bound.
    pub async fn serve(&self, address: &str) -> std::io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let service = router(self.clone()).into_make_service_with_connect_info::<Connection>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(Droppable::new(listener), service).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            let _ = serving.await;
        });
        Ok(Server { address, stop: Some(stop), task })
    }
}

fn router(simulator: Simulator) -> Router {
    use Operation as Op;
    let securityhub = Router::new()
        .route("/findings/import", post(wire::operation(Op::BatchImportFindings)))
        .route("/findings", post(wire::operation(Op::GetFindings)))
        .route("/findings/batchupdate", patch(wire::operation(Op::BatchUpdateFindings)))
        .route(
            "/accounts",
            get(wire::operation(Op::DescribeHub))
                .post(wire::operation(Op::EnableSecurityHub))
                .delete(wire::operation(Op::DisableSecurityHub)),
        )
        .route(
            "/productSubscriptions",
            get(wire::operation(Op::ListEnabledProductsForImport))
                .post(wire::operation(Op::EnableImportFindingsForProduct)),
        )
        .route("/productSubscriptions/{*arn}", delete(wire::operation(Op::DisableImportFindingsForProduct)))
        .route("/products", get(wire::operation(Op::DescribeProducts)));
    securityhub
        .route("/", post(wire::around))
        .nest("/_simulator", admin::router())
        .fallback(wire::unknown)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(simulator)
}
