//! Waits until the deployment has carried out an order, and all that go on with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use exporter::jobs::OrderState;
use management::wire::OrderView;
use tokio::time::Instant;

use super::outcome::Outcome;
use crate::commands::integration::shown::read;
use crate::exit::{Exit, Failure};
use crate::management::{Management, segment};
use crate::output::{Output, text};
use crate::progress::Watch;

/// Time to the second look: an order of a few findings takes about a second.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks at most.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long an order is waited for: two invocations of 15 minutes, the default timeout. It goes on without us.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// Waits until nothing more comes of an order.
pub(super) async fn settled(management: &Management, order: OrderView, output: &Output) -> Result<Outcome> {
    let id = order.id.clone();
    let said = Arc::new(Mutex::new("waiting".to_owned()));
    let shown = said.clone();
    let watch = Watch::saying(output.err_style, move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let left_alone = |why: &str| {
        let hint = format!("the deployment goes on with it: hubctl job show {id} --wait");
        Failure::new(Exit::Error, why.to_owned()).hint(hint)
    };
    let waited = tokio::select! {
        waited = tokio::time::timeout(WAIT_MAX, all(management, order, &said)) => waited,
        _ = tokio::signal::ctrl_c() => return Err(left_alone("interrupted").into()),
    };
    drop(watch);
    waited.map_err(|_| left_alone("the job is not complete yet"))?
}

/// The order and those that it places, one after the other.
async fn all(management: &Management, order: OrderView, said: &Mutex<String>) -> Result<Outcome> {
    let mut settled = Outcome::default();
    let mut orders = VecDeque::from([order]);
    while let Some(order) = orders.pop_front() {
        let order = one(management, order, said).await?;
        for run_id in &order.runs {
            let answer = management.get(format!("/runs/{}", segment(run_id))).await?;
            settled.runs.push(read(&answer.body)?);
        }
        if order.state != OrderState::Done {
            let why = order.message.as_deref().unwrap_or("no reason is known");
            let verb = if order.state == OrderState::Failed { "" } else { "was " };
            settled.refused.push(format!("the job {verb}{}: {}", order.state.as_str(), text::harmless(why)));
        }
        for next in &order.then {
            let answer = management.get(format!("/orders/{}", segment(next))).await?;
            orders.push_back(read(&answer.body)?);
        }
    }
    Ok(settled)
}

async fn one(management: &Management, mut order: OrderView, said: &Mutex<String>) -> Result<OrderView> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !order.state.is_complete() {
        let message =
            order.message.as_deref().map_or(String::new(), |message| format!(": {}", text::harmless(message)));
        *said.lock().unwrap_or_else(PoisonError::into_inner) = format!("waiting for the deployment{message}");
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
        order = read(&management.get(format!("/orders/{}", segment(&order.id))).await?.body)?;
    }
    tracing::debug!(order.id = order.id, waited_ms = begun.elapsed().as_millis(), "order is settled");
    Ok(order)
}
