//! Converts an HTTP request to a call, and the result to a response: signer, Region, and the format for SDKs.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::connection::Connection;
use crate::Simulator;
use crate::call::Input;
use crate::identity::Scope;
use crate::operation::Operation;
use crate::records::{Call, Tally};
use crate::response::Response;
use crate::sts::{Request, Service};

type Answer = axum::http::Response<Body>;
type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Pairs = Query<Vec<(String, String)>>;
/// The parts of a request other than its body. The path is the ARN at its end, if the route has one.
type Parts = (ConnectInfo<Connection>, Option<Path<String>>, HeaderMap, Pairs);

/// A handler for one Security Hub operation.
pub(super) fn operation(operation: Operation) -> impl Fn(State<Simulator>, Parts, Bytes) -> Answering + Clone {
    move |State(simulator), parts, body| Box::pin(securityhub(operation, simulator, parts, body))
}

async fn securityhub(operation: Operation, simulator: Simulator, parts: Parts, body: Bytes) -> Answer {
    let (ConnectInfo(connection), path, headers, Query(query)) = parts;
    let input = Input { body: &body, query: &query, arn: path.as_ref().map_or("", |Path(arn)| arn) };
    let response = answer(&simulator, operation, &headers, input);
    send(&simulator, &connection, response).await
}

fn answer(simulator: &Simulator, operation: Operation, headers: &HeaderMap, input: Input<'_>) -> Response {
    let scope = match scope(headers, operation.service()) {
        Ok(scope) => scope,
        Err(response) => return response,
    };
    if let Some(caller) = simulator.caller(scope.access_key, token(headers)) {
        return simulator.call(&caller, scope.region, operation, input);
    }
    let response = Response::unrecognized_client();
    simulator.record(Call {
        at: simulator.clock().now(),
        operation,
        account: None,
        caller: None,
        role: None,
        region: scope.region.to_owned(),
        status: response.status,
        error_type: response.error_type.clone(),
        dropped: false,
        body_bytes: input.body.len(),
        tally: Tally::default(),
    });
    response
}

/// STS, EC2, and Organizations, which are distinguished by the service name in the signature.
pub(super) async fn around(
    State(simulator): State<Simulator>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let named = header.and_then(Scope::parse).and_then(|scope| Service::of(scope.service));
    let service = named.unwrap_or(Service::Sts);
    let name = match service {
        Service::Sts => "sts",
        Service::Ec2 => "ec2",
        Service::Organizations => "organizations",
    };
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let response = match scope(&headers, name) {
        Ok(scope) => simulator.around(scope, token(&headers), &Request { service, target, body: &body }),
        Err(response) => response,
    };
    send(&simulator, &connection, response).await
}

/// A path without an operation.
pub(super) async fn unknown() -> Answer {
    render(Response::error(404, "UnknownOperationException", "The simulator has no such operation"))
}

/// The access key, Region, and service of the signature.
fn scope<'h>(headers: &'h HeaderMap, service: &str) -> Result<Scope<'h>, Response> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(scope) = header.and_then(Scope::parse) else {
        return Err(Response::error(403, "MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    if scope.service != service {
        let message = format!("Credential should be scoped to correct service: '{service}'.");
        return Err(Response::error(403, "InvalidSignatureException", &message));
    }
    Ok(scope)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-security-token").and_then(|value| value.to_str().ok())
}

/// Waits for the duration of the call, and then responds or closes the connection.
async fn send(simulator: &Simulator, connection: &Connection, response: Response) -> Answer {
    let usual = Duration::from_millis(simulator.world().config.latency_ms);
    let delay = usual + response.delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if response.dropped {
        connection.cut();
    }
    render(response)
}

fn render(response: Response) -> Answer {
    let mut answer = Answer::new(Body::from(response.body));
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    if let Some(name) = response.error_type.and_then(|name| HeaderValue::from_str(&name).ok()) {
        answer.headers_mut().insert("x-amzn-errortype", name);
    }
    answer
}
