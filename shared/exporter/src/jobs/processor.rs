//! Carries out orders as the deployment gets them: more than once, while others work, in the time of one invocation.
//!
//! Promises: an order that is settled is not carried out again; what another try mends is tried again, within the bounds of a
//! [`Chain`]; each order's record says what became of it, also that its message is in the dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chain::{Chain, Round, is_busy};
use super::delivery::Delivery;
use super::error::OrderError;
use super::job::Order;
use super::queue::Queue;
use super::record::{OrderLog, OrderRecord, OrderState, Placed};
use super::run::{accounts_of, accounts_with_state, carry_out};
use super::runner::Options;
use crate::ports::{PortError, Ports, Scans};
use crate::report::{RunReport, RunStatus};
use crate::settings::Settings;

/// The time that must be left for the next job of a replay to be run by the same invocation: enough to read a scan of medium
/// size. Less, and it gets an invocation of its own.
const INLINE_TIME_MIN: Duration = Duration::from_secs(60);

/// What an invocation did for a job.
#[derive(Debug)]
pub struct Fulfilled {
    /// Its runs; none, if it was settled before, waits for an account, or became an order for each of several accounts. An
    /// error other than [`OrderError::Refused`] and [`OrderError::Partly`]: the same message is to come again.
    pub outcome: Result<Vec<RunReport>, OrderError>,
    /// The job that follows, for which the same invocation has time. It is to be fulfilled at once, as [`Delivery::Inline`].
    pub next: Option<Placed>,
}

/// Carries out an order that was placed, and keeps its record.
pub async fn fulfil<P: Ports + Scans + Queue + OrderLog>(
    ports: &Arc<P>,
    settings: &Settings,
    placed: &Placed,
    delivery: Delivery,
    options: &Options,
) -> Fulfilled {
    let mut desk = match Desk::open(ports.as_ref(), placed, delivery, options.deadline).await {
        Ok(desk) => desk,
        Err(error) => return Fulfilled { outcome: Err(error.into()), next: None },
    };
    let outcome = match desk.work(ports, settings, options).await {
        Err(error) if !error.is_final() => desk.fail(error).await,
        outcome => outcome,
    };
    Fulfilled { outcome, next: desk.next_inline }
}

/// An order and its record.
struct Desk<'a, P> {
    ports: &'a P,
    placed: &'a Placed,
    order: &'a Order,
    /// None: the order has no id.
    record: Option<OrderRecord>,
    delivery: Delivery,
    chain: Chain,
    begun: Instant,
    deadline: Option<Instant>,
    /// The job that follows in the same invocation.
    next_inline: Option<Placed>,
}

impl<'a, P: Ports + Scans + Queue + OrderLog> Desk<'a, P> {
    async fn open(
        ports: &'a P,
        placed: &'a Placed,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Result<Self, PortError> {
        let record = match &placed.id {
            None => None,
            Some(id) => Some(ports.order_record(id).await?.unwrap_or_else(|| {
                // Forgotten, or never written: from here on it is kept.
                OrderRecord::new(id.clone(), placed.order.clone(), ports.now(), "unknown")
            })),
        };
        let (order, chain, begun) = (&placed.order, delivery.continued(&placed.chain), Instant::now());
        Ok(Self { ports, placed, order, record, delivery, chain, begun, deadline, next_inline: None })
    }

    async fn work(
        &mut self,
        ports: &Arc<P>,
        settings: &Settings,
        options: &Options,
    ) -> Result<Vec<RunReport>, OrderError> {
        if let Some(record) = self.record.clone().filter(|record| record.state.is_settled()) {
            tracing::info!(order.id = record.id, order = %record.order, state = record.state.as_str(), "order is settled");
            self.go_on(&record).await?;
            return Ok(Vec::new());
        }
        if !self.begin().await? {
            return Ok(Vec::new());
        }
        if self.delivery != Delivery::Direct
            && let Some(parts) = self.parts().await?
        {
            self.settle(OrderState::Done, None, &[], parts).await?;
            return Ok(Vec::new());
        }
        let run_id = self.chain.run_id.clone();
        let options = Options { order: self.placed.id.clone(), run_id, ..options.clone() };
        let runs = match carry_out(ports, settings, self.order, &options).await {
            Ok(runs) => runs,
            Err(error @ (OrderError::Refused(_) | OrderError::Partly { .. })) => {
                let runs = if let OrderError::Partly { runs, .. } = &error { runs.as_slice() } else { &[] };
                self.settle(OrderState::Refused, Some(error.to_string()), runs, self.next()).await?;
                return Err(error);
            }
            Err(error) => {
                if !self.wait(&error.to_string(), &[]).await? {
                    return Ok(Vec::new());
                }
                return match error {
                    OrderError::Busy(message) => self.continue_later(Vec::new(), OrderError::Busy(message)).await,
                    error => Err(error),
                };
            }
        };
        let mut left = runs.iter().filter(|run| run.status.wants_another_try()).peekable();
        let Some(first) = left.peek() else {
            let next = self.next();
            self.settle(OrderState::Done, None, &runs, next).await?;
            return Ok(runs);
        };
        let unfinished = OrderError::Unfinished { run_id: first.run_id.clone(), reasons: first.reasons.join("; ") };
        let continues = left.all(|run| run.status == RunStatus::Unfinished || is_busy(run));
        if !self.wait(&unfinished.to_string(), &runs).await? {
            return Ok(runs);
        }
        if continues { self.continue_later(runs, unfinished).await } else { Err(unfinished) }
    }

    /// Puts the next round of the job on the queue.
    ///
    /// # Errors
    ///
    /// `left`, with the reason if there is no further round.
    async fn continue_later(&mut self, runs: Vec<RunReport>, left: OrderError) -> Result<Vec<RunReport>, OrderError> {
        if self.delivery == Delivery::Direct {
            return Err(left);
        }
        match self.chain.next(&runs) {
            Ok(round) => {
                if self.enqueue(round).await? {
                    Ok(runs)
                } else {
                    Err(left)
                }
            }
            Err(ended) => {
                let left = left.because(&ended);
                self.wait(&left.to_string(), &runs).await?;
                Err(left)
            }
        }
    }

    /// Puts a message of the job on the queue. False, where there is none.
    async fn enqueue(&mut self, Round { chain, delay }: Round) -> Result<bool, PortError> {
        let message = Placed { chain, ..self.placed.clone() };
        if !self.ports.order(&message, delay).await? {
            return Ok(false);
        }
        // Only now: aborted in between, the message of the job before comes again and finds what it has to run.
        if let Some(record) = self.record.as_mut().filter(|record| record.inline || record.last_attempt_at.is_some()) {
            (record.inline, record.last_attempt_at) = (false, None);
            self.ports.record_order(record).await?;
        }
        Ok(true)
    }

    /// Notes in the record that a failed job runs again, and that this attempt is the last one, before an abort can prevent
    /// that. False, if it was called off meanwhile.
    async fn begin(&mut self) -> Result<bool, PortError> {
        let is_last = self.delivery.is_last();
        let Some(record) = self.record.as_mut().filter(|record| is_last || record.state == OrderState::Failed) else {
            return Ok(true);
        };
        record.state = OrderState::Waiting;
        record.settled_at = None;
        record.last_attempt_at = is_last.then(|| self.ports.now());
        if is_last {
            let id = &record.id;
            record.message = Some(format!("the last attempt began; should it be aborted, run: hubctl job retry {id}"));
        }
        self.ports.record_order(record).await
    }

    /// Decides what follows an attempt that failed for a transient reason: the queue gives its message again. The last time it
    /// does not, and the record says where the message is; what follows the job goes on without it. A job without a message gets
    /// one.
    async fn fail(&mut self, error: OrderError) -> Result<Vec<RunReport>, OrderError> {
        match self.delivery {
            Delivery::Message { .. } if self.delivery.is_last() => {
                // Best effort: `last_attempt_at` says the same a little later.
                if let Err(also) = self.fail_for_good(&error).await {
                    tracing::warn!(order.id = self.placed.id, error = %also, "failed job is not recorded as failed");
                }
                Err(error)
            }
            Delivery::Inline => match self.chain.next(&[]) {
                Ok(round) => {
                    let (id, order) = (&self.placed.id, self.order);
                    tracing::warn!(order.id = id, %order, %error, "order put on the queue: it is tried again");
                    if self.enqueue(round).await? { Ok(Vec::new()) } else { Err(error) }
                }
                Err(ended) => Err(error.because(&ended)),
            },
            Delivery::Direct | Delivery::Message { .. } => Err(error),
        }
    }

    async fn fail_for_good(&mut self, error: &OrderError) -> Result<(), PortError> {
        let then = self.next();
        let Some(record) = self.record.clone() else { return self.follow_all(then).await };
        let why = format!(
            "{error}; its message is in the dead-letter queue; when the cause is fixed, run: hubctl job retry {}",
            record.id
        );
        let mut failed = record.settled(OrderState::Failed, Some(why), self.ports.now());
        // In invocations of their own: the message of this one is not to come again for them.
        failed.then = self.place_all(&failed, then, false).await?;
        self.ports.record_order(&failed).await.map(drop)
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
        &mut self,
        state: OrderState,
        message: Option<String>,
        runs: &[RunReport],
        then: Vec<(String, Order)>,
    ) -> Result<(), PortError> {
        let now = self.ports.now();
        let Some(record) = &self.record else { return self.follow_all(then).await };
        let mut record = OrderRecord { runs: ids(runs), ..record.clone() }.settled(state, message, now);
        record.last_attempt_at = None;
        let inline = self.has_time_for_next();
        record.then = self.place_all(&record, then, inline).await?;
        // Where a person called it off meanwhile, that stands.
        self.ports.record_order(&record).await.map(drop)
    }

    /// Places what goes on with an order that was called off: what was undone is this order's, what follows it was not. What
    /// this message's invocation was to run after the order, and did not come to, is run now.
    async fn go_on(&mut self, record: &OrderRecord) -> Result<(), PortError> {
        let inline = self.has_time_for_next();
        for (about, order) in self.next() {
            let child = record.child(&about, order.clone(), self.ports.now());
            let is_ours = match self.ports.order_record(&child.id).await? {
                Some(known) => known.inline,
                None => false,
            };
            if is_ours || record.state == OrderState::Undone {
                self.place_all(record, vec![(about, order)], inline).await?;
            }
        }
        Ok(())
    }

    /// Whether the job that follows may be run by this invocation: each invocation that starts another one brings Lambda's
    /// recursive loop detection closer, where that is on.
    fn has_time_for_next(&self) -> bool {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_enough = |left: Duration| left >= INLINE_TIME_MIN && left >= self.begun.elapsed() * 2;
        self.delivery != Delivery::Direct && matches!(self.order, Order::Replay { .. }) && left.is_some_and(is_enough)
    }

    /// Places what goes on with an order; the ids. `inline`: this invocation runs it.
    async fn place_all(
        &mut self,
        record: &OrderRecord,
        then: Vec<(String, Order)>,
        inline: bool,
    ) -> Result<Vec<String>, PortError> {
        let mut placed = Vec::new();
        for (about, order) in then {
            let child = OrderRecord { inline, ..record.child(&about, order, self.ports.now()) };
            let known = self.ports.order_record(&child.id).await?;
            if known.is_none() {
                self.ports.record_order(&child).await?;
            }
            if inline {
                self.next_inline = Some(child.placed());
            } else {
                self.follow(&child.placed()).await?;
                if let Some(known) = known.filter(|known| known.inline && !known.state.is_settled()) {
                    self.ports.record_order(&OrderRecord { inline, ..known }).await?;
                }
            }
            placed.push(child.id);
        }
        Ok(placed)
    }

    async fn follow_all(&self, then: Vec<(String, Order)>) -> Result<(), PortError> {
        for (_, order) in then {
            self.follow(&Placed::new(None, order)).await?;
        }
        Ok(())
    }

    async fn follow(&self, next: &Placed) -> Result<(), PortError> {
        if self.ports.order(next, Duration::ZERO).await? {
            return Ok(());
        }
        let action = format!("go on with the order to {}", next.order);
        Err(PortError { action, message: "there is no queue".to_owned() })
    }

    /// Writes what the order waits for. False, if it was called off meanwhile: it is not to be tried again.
    async fn wait(&mut self, message: &str, runs: &[RunReport]) -> Result<bool, PortError> {
        let Some(record) = &mut self.record else { return Ok(true) };
        record.message = Some(message.to_owned());
        if !runs.is_empty() {
            record.runs = ids(runs);
        }
        if self.ports.record_order(record).await? {
            return Ok(true);
        }
        let id = record.id.clone();
        if let Some(settled) = self.ports.order_record(&id).await? {
            self.go_on(&settled).await?;
        }
        Ok(false)
    }
}

fn ids(runs: &[RunReport]) -> Vec<String> {
    runs.iter().map(|run| run.run_id.clone()).collect()
}
