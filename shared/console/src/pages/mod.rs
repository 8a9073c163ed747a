//! The pages. Each file is alike: route, read, view, render.

mod actions;
mod add;
mod config;
mod credentials;
mod delete;
mod integration;
mod integrations;
mod open;

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
        .route("/assets/{hash}/{file}", get(assets::serve))
        .route("/integrations", get(integrations::list).post(add::create))
        .route("/integrations/new", get(add::first).post(add::next))
        .route("/integrations/{id}", get(integration::show))
        .route("/integrations/{id}/test", post(actions::test))
        .route("/integrations/{id}/enable", post(actions::enable))
        .route("/integrations/{id}/disable", post(actions::disable))
        .route("/integrations/{id}/delete", get(delete::ask).post(delete::confirm))
        .route("/integrations/{id}/config", get(config::show).post(config::change))
        .route("/integrations/{id}/credentials", get(credentials::show).post(credentials::change))
        .fallback(open::not_found)
        .with_state(app)
}
