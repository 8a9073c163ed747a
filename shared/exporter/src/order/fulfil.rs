//! Carries out orders as the deployment gets them: more than once, while others work, in the time of one invocation.
//!
//! Promises: an order that is settled is not carried out again; what another try mends is tried again; each order's record
//! says what became of it.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Order, OrderError, OrderLog, OrderRecord, OrderState, Placed, accounts_of, accounts_with_state, carry_out,
};
use crate::mend::Options;
use crate::ports::{PortError, Ports, Queue, Scans};
use crate::report::{RunReport, RunStatus, undelivered};
use crate::settings::Settings;

/// How long an upload or an order waits whose account another run is exporting. A run lasts 15 minutes at most.
pub const BUSY_DELAY: Duration = Duration::from_secs(120);

/// Carries out an order that was placed, and keeps its record. Its runs; none, if it was settled before, waits for an
/// account, or became an order for each of several accounts. `queued`: it came from the queue, and what is left of it may
/// be put there.
///
/// # Errors
///
/// [`OrderError::Refused`] and [`OrderError::Partly`] where it can't be carried out, which its record says. Anything else:
/// the same order is to come again.
pub async fn fulfil<P: Ports + Scans + Queue + OrderLog>(
    ports: &Arc<P>,
    settings: &Settings,
    placed: &Placed,
    queued: bool,
    options: &Options,
) -> Result<Vec<RunReport>, OrderError> {
    let desk = Desk::open(ports.as_ref(), placed).await?;
    if let Some(record) = desk.record.as_ref().filter(|record| record.state.is_settled()) {
        tracing::info!(order.id = record.id, order = %record.order, state = record.state.as_str(), "order is settled");
        desk.go_on(record).await?;
        return Ok(Vec::new());
    }
    if queued && let Some(parts) = desk.parts().await? {
        desk.settle(OrderState::Done, None, &[], parts).await?;
        return Ok(Vec::new());
    }
    let options = Options { order: placed.id.clone(), ..options.clone() };
    let runs = match carry_out(ports, settings, &placed.order, &options).await {
        Ok(runs) => runs,
        Err(error @ (OrderError::Refused(_) | OrderError::Partly { .. })) => {
            let runs = if let OrderError::Partly { runs, .. } = &error { runs.as_slice() } else { &[] };
            desk.settle(OrderState::Refused, Some(error.to_string()), runs, desk.next()).await?;
            return Err(error);
        }
        Err(error) => {
            if !desk.wait(&error.to_string(), &[]).await? {
                return Ok(Vec::new());
            }
            let is_put_back = queued && matches!(error, OrderError::Busy(_)) && ports.order(placed, BUSY_DELAY).await?;
            return if is_put_back { Ok(Vec::new()) } else { Err(error) };
        }
    };
    let mut left = runs.iter().filter(|run| run.status.wants_another_try()).peekable();
    let Some(first) = left.peek() else {
        let next = desk.next();
        desk.settle(OrderState::Done, None, &runs, next).await?;
        return Ok(runs);
    };
    let unfinished = OrderError::Unfinished { run_id: first.run_id.clone(), reasons: first.reasons.join("; ") };
    let delay = match left.clone().all(is_busy) {
        true => Some(BUSY_DELAY),
        // The last of several may have begun with seconds left.
        false if left.all(|run| run.status == RunStatus::Unfinished) && runs.iter().any(made_progress) => {
            Some(Duration::ZERO)
        }
        false => None,
    };
    if !desk.wait(&unfinished.to_string(), &runs).await? {
        return Ok(runs);
    }
    match delay {
        Some(delay) if queued && ports.order(placed, delay).await? => Ok(runs),
        _ => Err(unfinished),
    }
}

/// Places an order: its record first, so that nothing is carried out that nobody can look up. False, where there is no
/// queue.
///
/// # Errors
///
/// When the table or the queue does not answer. An order whose answer was lost may be on the queue all the same, and its
/// record says so, as far as that can be written.
pub async fn place<P: Queue + OrderLog>(ports: &P, record: &OrderRecord) -> Result<bool, PortError> {
    ports.record_order(record).await?;
    let placed = ports.order(&record.placed(), Duration::ZERO).await;
    let after = match &placed {
        Ok(true) => return placed,
        Ok(false) => {
            let why = Some("the deployment has no queue".to_owned());
            record.clone().settled(OrderState::Refused, why, record.placed_at)
        }
        Err(error) => {
            let message = Some(format!("nobody knows whether it was placed: {error}"));
            OrderRecord { message, ..record.clone() }
        }
    };
    // The caller learns of the first error. Should this one fail too, the record waits without a word, and harms nothing.
    let _ = ports.record_order(&after).await;
    placed
}

/// An order and its record.
struct Desk<'a, P> {
    ports: &'a P,
    order: &'a Order,
    /// None: the order has no id.
    record: Option<OrderRecord>,
}

impl<'a, P: Ports + Queue + OrderLog> Desk<'a, P> {
    async fn open(ports: &'a P, placed: &'a Placed) -> Result<Self, PortError> {
        let record = match &placed.id {
            None => None,
            Some(id) => Some(ports.order_record(id).await?.unwrap_or_else(|| {
                // Forgotten, or never written: from here on it is kept.
                OrderRecord::new(id.clone(), placed.order.clone(), ports.now(), "unknown")
            })),
        };
        Ok(Self { ports, order: &placed.order, record })
    }

    /// What the order becomes, if it is about several accounts: each may take the whole of an invocation's time.
    async fn parts(&self) -> Result<Option<Vec<(String, Order)>>, PortError> {
        let Order::Reconcile { provider, regions, dry_run } = self.order else { return Ok(None) };
        let accounts = match provider {
            Some(provider) if provider.account().is_some() => return Ok(None),
            Some(organization) => accounts_of(self.ports, organization).await?,
            None => accounts_with_state(self.ports).await?,
        };
        let part = |account: asff::AccountId| {
            let order =
                Order::Reconcile { provider: Some(account.into()), regions: regions.clone(), dry_run: *dry_run };
            (account.to_string(), order)
        };
        Ok(Some(accounts.into_iter().map(part).collect()))
    }

    /// What follows the order.
    fn next(&self) -> Vec<(String, Order)> {
        let about = |next: Order| match &next {
            Order::Replay { run_id, .. } => Some((run_id.clone(), next)),
            _ => None,
        };
        self.order.next().and_then(about).into_iter().collect()
    }

    /// Places what goes on with the order, then writes that it is settled: killed in between, it is settled again.
    async fn settle(
        &self,
        state: OrderState,
        message: Option<String>,
        runs: &[RunReport],
        then: Vec<(String, Order)>,
    ) -> Result<(), PortError> {
        let now = self.ports.now();
        let Some(record) = &self.record else {
            for (_, order) in then {
                self.follow(&Placed { id: None, order }).await?;
            }
            return Ok(());
        };
        let mut record = OrderRecord { runs: ids(runs), ..record.clone() }.settled(state, message, now);
        record.then = self.place_all(&record, then).await?;
        // Where a person called it off meanwhile, that stands.
        self.ports.record_order(&record).await.map(drop)
    }

    /// Places what goes on with an order that was called off: what was undone is this order's, what follows it was not.
    async fn go_on(&self, record: &OrderRecord) -> Result<(), PortError> {
        if record.state == OrderState::Undone {
            self.place_all(record, self.next()).await?;
        }
        Ok(())
    }

    /// Places what goes on with an order; the ids.
    async fn place_all(&self, record: &OrderRecord, then: Vec<(String, Order)>) -> Result<Vec<String>, PortError> {
        let mut placed = Vec::new();
        for (about, order) in then {
            let child = record.child(&about, order, self.ports.now());
            if self.ports.order_record(&child.id).await?.is_none() {
                self.ports.record_order(&child).await?;
            }
            self.follow(&child.placed()).await?;
            placed.push(child.id);
        }
        Ok(placed)
    }

    async fn follow(&self, next: &Placed) -> Result<(), PortError> {
        if self.ports.order(next, Duration::ZERO).await? {
            return Ok(());
        }
        let action = format!("go on with the order to {}", next.order);
        Err(PortError { action, message: "there is no queue".to_owned() })
    }

    /// Writes what the order waits for. False, if it was called off meanwhile: it is not to be tried again.
    async fn wait(&self, message: &str, runs: &[RunReport]) -> Result<bool, PortError> {
        let Some(record) = &self.record else { return Ok(true) };
        let runs = if runs.is_empty() { record.runs.clone() } else { ids(runs) };
        let waiting = OrderRecord { message: Some(message.to_owned()), runs, ..record.clone() };
        if self.ports.record_order(&waiting).await? {
            return Ok(true);
        }
        if let Some(settled) = self.ports.order_record(&record.id).await? {
            self.go_on(&settled).await?;
        }
        Ok(false)
    }
}

fn ids(runs: &[RunReport]) -> Vec<String> {
    runs.iter().map(|run| run.run_id.clone()).collect()
}

/// Whether nothing but another run of the same account stands in the way, and nothing was done that would be done again.
pub fn is_busy(run: &RunReport) -> bool {
    let mut passing = run.counts.undelivered.keys().filter(|reason| undelivered::passes(reason)).peekable();
    let mut regions = run.accounts.values().flat_map(|account| account.regions.values());
    passing.peek().is_some()
        && passing.all(|reason| reason == undelivered::ACCOUNT_BUSY)
        && run.counts.archive_undelivered == 0
        && regions.all(|region| region.unfinished.is_none())
}

/// Whether another run would begin farther on. An upload that makes no progress is tried as any that fails, and ends in
/// the dead-letter queue.
pub fn made_progress(run: &RunReport) -> bool {
    let adopted = |region: &crate::report::RegionReport| region.adopted > 0;
    run.counts.sent + run.counts.archived > 0
        || run.accounts.values().any(|account| account.regions.values().any(adopted))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::upload::UploadInfo;

    #[test]
    fn only_a_busy_account_and_nothing_else_is_waited_for() {
        let info = UploadInfo { source: "s3://scans/x".to_owned(), etag: String::new(), bytes: 0, modified_at: None };
        let mut run = RunReport::begin("run".to_owned(), info, Timestamp::UNIX_EPOCH);
        assert!(!is_busy(&run), "a run that failed for another reason");
        run.counts.undelivered.insert(undelivered::ACCOUNT_BUSY.to_owned(), 3);
        run.counts.undelivered.insert(undelivered::NO_INTEGRATION.to_owned(), 1);
        assert!(is_busy(&run), "what no try mends does not matter");
        run.counts.archive_undelivered = 1;
        assert!(!is_busy(&run), "it would be archived again and again");
        run.counts.archive_undelivered = 0;
        run.counts.undelivered.insert(undelivered::THROTTLED.to_owned(), 1);
        assert!(!is_busy(&run));
    }
}
