//! Chains of invocations on an emulated queue, with an emulation of Lambda's recursive loop detection.

use std::collections::VecDeque;
use std::time::Duration;

use exporter::jobs::Options;
use exporter::jobs::{Delivery, Job, JobMessage, JobRecord, JobState, JobStore as _, Processed, process, retry};
use exporter::model::settings::Settings;
use exporter::ports::{AccountLocks as _, Clock as _};
use jiff::SignedDuration;

use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::jobs::{active, queued, record, submitted, upload};
use crate::promises::{failed, scan};
use crate::scan::Expected;
use crate::{ACCOUNT, integrate, world};
use exporter::testing::Lifetime;

/// Number of invocations in one chain of requests after which Lambda stops the next one ("Use Lambda recursive loop detection to
/// prevent infinite loops").
const LINEAGE_MAX: u32 = 16;
/// The template's `MaxReceiveCount` and `QueueVisibilityTimeoutSeconds`.
const RECEIVES_MAX: u32 = 5;
const VISIBILITY: Duration = Duration::from_secs(5400);

/// A message on the queue.
#[derive(Clone)]
struct Message {
    job_message: JobMessage,
    delay: Duration,
    /// The number of invocations in the message's trace header.
    lineage: u32,
    receives: u32,
}

/// The queue, and the Lambda function that polls it.
struct Lambda {
    world: World,
    /// `RecursiveLoop: Terminate`.
    terminates: bool,
    /// The timeout of an invocation, in seconds.
    seconds: u64,
    queue: VecDeque<Message>,
    invocations: u32,
    delays: Vec<u64>,
    dead_letters: Vec<JobMessage>,
}

impl Lambda {
    fn new(world: &World, seconds: u64, message: JobMessage) -> Self {
        let message = Message { job_message: message, delay: Duration::ZERO, lineage: 0, receives: 0 };
        Self {
            world: world.clone(),
            terminates: false,
            seconds,
            queue: VecDeque::from([message]),
            invocations: 0,
            delays: Vec::new(),
            dead_letters: Vec::new(),
        }
    }

    /// Processes messages until the queue is empty.
    async fn drain(&mut self) {
        while let Some(message) = self.queue.pop_front() {
            self.delays.push(message.delay.as_secs() / 60);
            self.world.sleep(message.delay.as_secs()).await;
            self.receive(message, Lifetime::unlimited()).await;
        }
    }

    /// Delivers a message to an invocation.
    async fn receive(&mut self, mut message: Message, life: Lifetime) {
        if self.terminates && message.lineage >= LINEAGE_MAX {
            self.dead_letters.push(message.job_message);
            return;
        }
        message.receives += 1;
        let done = self.invoke(&message, life).await;
        for (job_message, delay) in queued(&self.world) {
            self.queue.push_back(Message { job_message, delay, lineage: message.lineage + 1, receives: 0 });
        }
        if done {
            return;
        }
        if message.receives >= RECEIVES_MAX {
            self.dead_letters.push(message.job_message);
        } else {
            self.queue.push_back(Message { delay: VISIBILITY, ..message });
        }
    }

    /// Invokes the function. Returns whether the message is deleted.
    async fn invoke(&mut self, message: &Message, life: Lifetime) -> bool {
        self.invocations += 1;
        let fake_aws = self.world.run(life, Expected::new());
        let deadline = Some(tokio::time::Instant::now() + Duration::from_secs(self.seconds));
        let options = Options { deadline, ..Options::default() };
        let delivery = Delivery::Message { receives: message.receives, receives_max: RECEIVES_MAX };
        let mut following = Some((message.job_message.clone(), delivery));
        while let Some((job_message, delivery)) = following.take() {
            let settings = Settings::default();
            let Processed { outcome, next } = tokio::select! {
                done = process(&fake_aws, &settings, &job_message, delivery, &options) => done,
                () = fake_aws.lifetime().ended() => return false,
            };
            match outcome {
                Err(error) if !error.is_final() => return false,
                _ => following = next.map(|next| (next, Delivery::Inline)),
            }
        }
        true
    }
}

/// Uploads daily scans while the integration is disabled; each scan has one more finding. Returns the message that replays them.
async fn a_month_of_uploads(world: &World, days: u32) -> JobMessage {
    integrate(world, ACCOUNT, |integration| integration.enabled = false);
    let mut runs = Vec::new();
    for day in 0..days {
        world.sleep(24 * 3600).await;
        let scanned = scan(i64::from(day) * 24, failed(30 + day));
        runs.push(upload(world, &format!("day-{day}"), &scanned).await.run_id);
    }
    integrate(world, ACCOUNT, |_| {});
    submitted(world, "replay", Job::replays(runs).unwrap()).await
}

fn states(world: &World) -> Vec<JobState> {
    let mut states = Vec::new();
    let mut id = Some("replay".to_owned());
    while let Some(known) = id {
        let known = record(world, &known);
        states.push(known.state);
        id = known.next_job_ids.first().cloned();
    }
    states
}

#[tokio::test(start_paused = true)]
async fn a_month_of_uploads_is_replayed_even_if_lambda_stops_chains() {
    for terminates in [true, false] {
        let world = world(|config| config);
        let message = a_month_of_uploads(&world, 31).await;
        let mut lambda = Lambda { terminates, ..Lambda::new(&world, 900, message) };
        lambda.drain().await;
        assert_eq!(active(&world), 60, "the newest scan is in Security Hub");
        assert_eq!(states(&world), [JobState::Succeeded; 31]);
        assert!(lambda.dead_letters.is_empty());
        assert!(lambda.invocations <= 3, "one invocation exports several uploads: {}", lambda.invocations);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_with_an_invocation_per_upload_is_completed() {
    let world = world(|config| config);
    let message = a_month_of_uploads(&world, 31).await;
    let mut lambda = Lambda::new(&world, 50, message);
    lambda.drain().await;
    assert_eq!((active(&world), lambda.invocations), (60, 31));
    assert_eq!(states(&world), [JobState::Succeeded; 31]);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_replay_is_completed_when_its_message_is_redelivered() {
    for killed_at in (0..130).step_by(5) {
        let world = world(|config| config);
        let message = a_month_of_uploads(&world, 4).await;
        let mut lambda = Lambda::new(&world, 900, message);
        let first = lambda.queue.pop_front().unwrap();
        lambda.receive(first, Lifetime::until(Some(killed_at), killed_at % 2 == 0)).await;
        world.sleep(3600).await;
        lambda.drain().await;
        assert_eq!(active(&world), 33, "aborted at call {killed_at}");
        assert_eq!(states(&world), [JobState::Succeeded; 4], "aborted at call {killed_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_without_progress_backs_off_and_ends_with_a_reason() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let run = upload(&world, "1", &scan(0, failed(10))).await;
    let replay = Job::Replay { run_id: run.run_id, next_run_ids: Vec::new() };
    let message = submitted(&world, "replay", replay).await;
    // Without any time, no invocation can read an upload.
    let mut lambda = Lambda { terminates: true, ..Lambda::new(&world, 0, message) };
    lambda.drain().await;
    assert_eq!(lambda.delays[..13], [0, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
    assert_eq!(lambda.delays[13..], [90; 4], "then the queue retries the message");
    assert_eq!(lambda.dead_letters.len(), 1, "the message is in the dead-letter queue");
    let failed = record(&world, "replay");
    assert_eq!(failed.state, JobState::Failed);
    let why = failed.message.unwrap();
    assert!(why.contains("13 consecutive invocations made no progress"), "{why}");
    assert!(why.ends_with("run: hubctl job retry replay"), "{why}");
    let runs = world.contents().runs.iter().filter(|run| run.job_id.is_some()).count();
    assert_eq!(runs, 5, "one run for all rounds, and one for each redelivery of the last message");
}

/// Locks the account for another run, for a day.
async fn occupy(world: &World) {
    let other = world.ports();
    let account = ACCOUNT.parse().unwrap();
    let (newest, _) = other.lock_status(account).await.unwrap().unwrap();
    let until = other.now() + SignedDuration::from_hours(24);
    other.acquire(account, "another run", "", newest.newest, other.now(), until).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_account_stayed_locked_is_retried_and_runs_once() {
    for kind in ["reconcile", "replay"] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        let run = upload(&world, "1", &scan(0, failed(10))).await;
        let before = world.contents().runs.len();
        occupy(&world).await;
        let job = match kind {
            "replay" => Job::Replay { run_id: run.run_id, next_run_ids: Vec::new() },
            _ => Job::Reconcile { provider: Some(run_account()), regions: Vec::new(), dry_run: false },
        };
        let message = submitted(&world, "job", job).await;
        let mut lambda = Lambda { terminates: true, ..Lambda::new(&world, 900, message) };
        lambda.drain().await;
        let failed = record(&world, "job");
        assert_eq!((failed.state, lambda.dead_letters.len()), (JobState::Failed, 1), "{kind}");
        let why = failed.message.clone().unwrap();
        assert!(why.contains("dead-letter queue") && why.ends_with("run: hubctl job retry job"), "{why}");
        let waited = world.contents().runs.len() - before;
        let most = if kind == "reconcile" { 0 } else { RECEIVES_MAX as usize };
        assert_eq!(waited, most, "{kind}: only the last attempts are recorded as failed runs");

        world.sleep(24 * 3600).await;
        let ports = world.ports();
        let pending = retry(ports.as_ref(), &failed).await.unwrap().unwrap();
        assert_eq!((pending.state, pending.completed_at), (JobState::Pending, None));
        assert_eq!(retry(ports.as_ref(), &pending).await.unwrap(), None, "the job is already pending");
        let [(message, _)] = <[_; 1]>::try_from(queued(&world)).unwrap();
        assert!(message.chain.is_first());
        let mut again = Lambda::new(&world, 900, message);
        again.drain().await;
        let complete = record(&world, "job");
        assert_eq!((complete.state, complete.runs.len(), again.invocations), (JobState::Succeeded, 1, 1), "{kind}");

        let runs = world.contents().runs.len();
        let mut redriven = Lambda::new(&world, 900, lambda.dead_letters.pop().unwrap());
        redriven.drain().await;
        assert_eq!(world.contents().runs.len(), runs, "{kind}: the job is complete when its dead letter is redriven");
        assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 10);
    }
}

fn run_account() -> exporter::model::provider::ProviderId {
    exporter::model::provider::ProviderId::Account(ACCOUNT.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn redriving_the_queue_runs_a_failed_job_and_its_follow_ups_do_not_wait() {
    let world = world(|config| config);
    let message = a_month_of_uploads(&world, 2).await;
    let first = record(&world, "replay");
    let failed = first.clone().completed(JobState::Failed, None, world.ports().now());
    assert!(world.ports().record_job(&failed).await.unwrap());
    let mut lambda = Lambda::new(&world, 900, message);
    lambda.drain().await;
    assert_eq!(states(&world), [JobState::Succeeded; 2]);
    assert_eq!(active(&world), 31);

    let world = crate::world(|config| config);
    let message = a_month_of_uploads(&world, 2).await;
    let gone = world.contents().objects.keys().find(|key| key.ends_with("report.json")).cloned();
    world.fail_reads(&gone.unwrap());
    let mut lambda = Lambda::new(&world, 900, message);
    lambda.drain().await;
    assert_eq!(states(&world), [JobState::Failed, JobState::Succeeded], "the newer scan is exported");
    assert_eq!((active(&world), lambda.dead_letters.len()), (31, 1));
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_last_attempt_was_aborted_counts_as_failed() {
    let world = world(|config| config);
    let message = a_month_of_uploads(&world, 1).await;
    let mut lambda = Lambda::new(&world, 900, message);
    let mut last = lambda.queue.pop_front().unwrap();
    last.receives = RECEIVES_MAX - 1;
    lambda.receive(last, Lifetime::until(Some(8), false)).await;
    assert_eq!(lambda.dead_letters.len(), 1);
    let known: JobRecord = record(&world, "replay");
    let ports = world.ports();
    assert_eq!((known.state, known.is_failed(ports.now())), (JobState::Pending, false));
    world.sleep(3600).await;
    assert!(known.is_failed(ports.now()));
    retry(ports.as_ref(), &known).await.unwrap().unwrap();
    let [(message, _)] = <[_; 1]>::try_from(queued(&world)).unwrap();
    Lambda::new(&world, 900, message).drain().await;
    let done = record(&world, "replay");
    assert_eq!((done.state, done.last_attempt_at, active(&world)), (JobState::Succeeded, None, 30));
}
