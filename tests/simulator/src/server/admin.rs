//! `/_simulator`: inspects and changes the world over HTTP, for tests and demos that run the simulator as a process.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config::Config;
use crate::faults::{Fault, FaultStatus};
use crate::records::{Call, Imported};
use crate::{RegionSummary, Simulator};

type Refused = (StatusCode, String);

pub(super) fn router() -> Router<Simulator> {
    Router::new()
        .route("/health", get(health))
        .route("/config", put(replace))
        .route("/summary", get(summary))
        .route("/findings", get(findings))
        .route("/calls", get(calls).delete(forget_calls))
        .route("/events", get(events))
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/clock", post(move_clock))
}

async fn health(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({ "status": "ok", "now": simulator.clock().now() }))
}

async fn replace(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Refused> {
    let config = read::<Config>(&body)?;
    config.check().map_err(|error| (StatusCode::BAD_REQUEST, error))?;
    simulator.replace(config);
    Ok(StatusCode::NO_CONTENT)
}

async fn summary(State(simulator): State<Simulator>) -> Json<Vec<RegionSummary>> {
    Json(simulator.summary())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    account: String,
    region: String,
}

async fn findings(State(simulator): State<Simulator>, Query(place): Query<Where>) -> Json<Vec<Value>> {
    Json(simulator.findings(&place.account, &place.region))
}

async fn calls(State(simulator): State<Simulator>) -> Json<Vec<Call>> {
    Json(simulator.calls())
}

async fn forget_calls(State(simulator): State<Simulator>) -> StatusCode {
    simulator.forget_calls();
    StatusCode::NO_CONTENT
}

async fn events(State(simulator): State<Simulator>) -> Json<Vec<Imported>> {
    Json(simulator.events())
}

async fn faults(State(simulator): State<Simulator>) -> Json<Vec<FaultStatus>> {
    Json(simulator.faults())
}

async fn inject(State(simulator): State<Simulator>, body: Bytes) -> Result<Json<Value>, Refused> {
    let fault = read::<Fault>(&body)?;
    let full = || (StatusCode::CONFLICT, "too many faults are active".to_owned());
    let id = simulator.inject(fault).ok_or_else(full)?;
    Ok(Json(json!({ "id": id })))
}

async fn clear_faults(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_faults();
    StatusCode::NO_CONTENT
}

/// A change of the clock: move it forward, stop it at a time, or let it run again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Move {
    AdvanceSeconds(f64),
    SetTo(Timestamp),
    Run(bool),
}

async fn move_clock(State(simulator): State<Simulator>, body: Bytes) -> Result<Json<Value>, Refused> {
    match read::<Move>(&body)? {
        Move::AdvanceSeconds(seconds) => {
            let by =
                Duration::try_from_secs_f64(seconds).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            simulator.clock().advance(by);
        }
        Move::SetTo(at) => simulator.clock().set(at),
        Move::Run(true) => simulator.clock().run(),
        Move::Run(false) => simulator.clock().set(simulator.clock().now()),
    }
    Ok(Json(json!({ "now": simulator.clock().now() })))
}

/// Reads a body as JSON, regardless of its content type. The error states its position.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}
