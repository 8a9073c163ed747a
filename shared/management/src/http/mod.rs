//! The routes. A handler parses the request, calls one operation of the service, and writes the response.

mod error_responses;
pub(crate) mod history;
pub(crate) mod integrations;
pub(crate) mod jobs;
pub(crate) mod openapi;
pub(crate) mod overview;
pub(crate) mod providers;
mod read;
pub(crate) mod runs;
mod settings_schema;
mod strict_json;
mod write;

pub(crate) use self::read::parse_body;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;

/// The routes of a service. The host adds a [`Caller`](crate::Caller) to the extensions of each request.
pub fn router<P: Ports>(service: Arc<Service<P>>) -> Router {
    Router::new()
        .route("/providers", get(providers::list::<P>).post(providers::create::<P>))
        .route(
            "/providers/{id}",
            get(providers::show::<P>).patch(providers::update::<P>).delete(providers::remove::<P>),
        )
        .route("/providers/{id}/credentials", put(providers::set_credentials::<P>))
        .route("/integrations", get(integrations::list::<P>).post(integrations::create::<P>))
        .route(
            "/integrations/{id}",
            get(integrations::show::<P>).patch(integrations::update::<P>).delete(integrations::remove::<P>),
        )
        .route(
            "/integrations/{id}/credentials",
            put(integrations::set_credentials::<P>).delete(integrations::reset_credentials::<P>),
        )
        .route("/integrations/{id}/test", post(integrations::test::<P>))
        .route("/integrations/{id}/enable", post(integrations::enable::<P>))
        .route("/integrations/{id}/disable", post(integrations::disable::<P>))
        .route("/integrations/{id}/connections", get(integrations::connections::<P>))
        .route("/regions", get(overview::regions))
        .route("/history", get(history::sums::<P>))
        .route("/runs", get(runs::list::<P>))
        .route("/runs/{id}", get(runs::show::<P>))
        .route("/runs/{id}/replay", post(jobs::replay::<P>))
        .route("/runs/{id}/approve", post(jobs::approve::<P>))
        .route("/runs/{id}/undo-archive", post(jobs::undo_archive::<P>))
        .route("/runs/{id}/redrive", post(jobs::redrive::<P>))
        .route("/runs/{id}/pending", get(runs::pending::<P>))
        .route("/runs/{id}/quarantine", get(runs::quarantine::<P>))
        .route("/quarantine", get(runs::quarantined::<P>))
        .route("/quarantine/redrive", post(jobs::redrive_all::<P>))
        .route("/findings/reconcile", post(jobs::reconcile::<P>))
        .route("/findings/explain", post(jobs::explain::<P>))
        .route("/plan", post(jobs::plan::<P>))
        .route("/jobs", get(jobs::list::<P>))
        .route("/jobs/{id}", get(jobs::show::<P>))
        .route("/jobs/{id}/retry", post(jobs::retry::<P>))
        .route("/attention", get(overview::attention::<P>))
        .route("/audit", get(overview::audit::<P>))
        .route("/openapi.json", get(openapi::describe))
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::NoMethod)
        .with_state(service)
}
