//! The pages. Each file is alike: route, read, view, render.

mod account;
mod accounts;
mod actions;
mod add;
mod approve;
mod ask;
mod audit;
mod check;
mod config;
mod connections;
mod credentials;
mod delete;
mod doctor;
mod download;
mod explain;
mod export;
mod go;
mod history;
mod integration;
mod integrations;
mod jobs;
mod names;
mod open;
mod pending;
mod plan;
mod quarantine;
mod reported;
mod role;
mod run;
mod runs;
mod sums;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use self::open::unauthorized;
use crate::app::App;
use crate::assets;

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(open::home))
        .route("/open", get(open::open))
        .route("/go", get(go::find))
        .route("/assets/{hash}/{file}", get(assets::serve))
        .route("/integrations", get(integrations::list).post(add::create))
        .route("/integrations/new", get(add::first).post(add::next))
        .route("/integrations/{id}", get(integration::show))
        .route("/integrations/{id}/test", post(actions::test))
        .route("/integrations/{id}/enable", post(actions::enable))
        .route("/integrations/{id}/disable", post(actions::disable))
        .route("/integrations/{id}/config", get(config::show).post(config::change))
        .route("/integrations/{id}/credentials", get(credentials::show).post(credentials::change))
        .route("/integrations/{id}/delete", get(delete::ask).post(delete::confirm))
        .route("/integrations/{id}/documents/{name}", get(role::document))
        .route("/runs", get(runs::list))
        .route("/runs/history", get(history::show))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/report.json", get(run::report))
        .route("/runs/{id}/replay", post(run::replay))
        .route("/runs/{id}/redrive", post(run::redrive))
        .route("/runs/{id}/pending", get(pending::show))
        .route("/runs/{id}/pending.csv", get(pending::list))
        .route("/runs/{id}/approve", get(approve::ask).post(approve::approve))
        .route("/runs/{id}/undo-archive", get(approve::ask_undo).post(approve::undo))
        .route("/runs/{id}/quarantine", get(quarantine::run))
        .route("/runs/{id}/quarantine/{n}", get(quarantine::entry))
        .route("/runs/{id}/quarantine/{n}/finding.json", get(quarantine::finding))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{account}", get(account::show))
        .route("/accounts/{account}/reconcile", get(account::ask).post(account::reconcile))
        .route("/doctor", get(doctor::show))
        .route("/doctor/deployment", get(doctor::deployment))
        .route("/doctor/check", post(check::start))
        .route("/doctor/{n}", get(check::show))
        .route("/doctor/{n}/result", get(check::result))
        .route("/plan", get(plan::ask).post(plan::start))
        .route("/plan/{id}", get(plan::show))
        .route("/plan/{id}/result", get(plan::result))
        .route("/plan/{id}/export", get(export::ask).post(export::start))
        .route("/plan/{id}/export/result", get(export::result))
        .route("/explain", get(explain::ask).post(explain::start))
        .route("/explain/{id}", get(explain::show))
        .route("/explain/{id}/result", get(explain::result))
        .route("/doctor.csv", get(doctor::list))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/redrive", post(quarantine::redrive))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show))
        .route("/jobs/{id}/events", get(jobs::events))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/audit", get(audit::list))
        .fallback(open::not_found)
        .with_state(app)
}
