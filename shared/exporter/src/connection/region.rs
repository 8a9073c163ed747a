//! Checks one Region: whether the hub is enabled, whether the product is accepted, and whether findings can be read and
//! imported.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use asff::{AccountId, Availability, Partition, RegionName, Regions};
use tokio::time::{sleep, timeout};

use super::denial::Denial;
use super::probe::{Writing, interpret_write, write_probe_body};
use super::remediation::RegionContext;
use super::settings::WriteProbe;
use super::{AccountRegion, Connection, Probe, Problem, RegionStatus};
use crate::model::integration::Integration;
use crate::ports::{CallError, Hub};

/// Number of write probes to a hub that has just accepted the product and may not apply that yet.
const FRESH_PROBES_MAX: u32 = 3;
/// The pause before the second of these probes.
const FRESH_PAUSE: Duration = Duration::from_secs(1);

/// A Region to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: RegionName,
    /// Whether the account has enabled the Region, according to `ec2:DescribeRegions`. `None` if the call failed or didn't
    /// list the Region.
    pub(super) opted_in: Option<bool>,
    /// Whether every account has the Region.
    pub(super) is_default: bool,
    /// Whether writing was denied at the last check.
    pub(super) was_denied: bool,
    /// The Region's partition, if it is another one than the account's.
    pub(super) foreign: Option<Partition>,
}

/// The result of the check of a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckOutcome {
    /// The status that the Region's responses show. If there was no response, it is `Unreachable`.
    Found(RegionStatus, Option<Problem>),
    /// The Region does not recognize the credentials.
    Unknown {
        /// The Region's error message.
        message: String,
        /// The problem if other Regions recognize the credentials.
        problem: Problem,
        /// Whether the account should have the Region.
        is_expected: bool,
    },
    /// Findings are accepted, and an invalid finding was stored.
    AcceptsInvalid(Problem),
    /// The check failed for a transient reason.
    Transient(Problem),
}

/// The Regions to check: those that the integration names, or else those of the partition that are in the built-in list or
/// enabled for the account. Regions that accepted findings before are first, then those that every account has.
pub(super) fn candidates(
    known: &Regions,
    partition: Partition,
    integration: &Integration,
    before: Option<&Connection>,
    opted_in: &[AccountRegion],
) -> Vec<Candidate> {
    let opted_in: BTreeMap<_, _> = opted_in.iter().map(|region| (region.name, region.opted_in)).collect();
    let mut names: BTreeSet<RegionName> = match &integration.regions {
        Some(named) => named.iter().copied().collect(),
        None => {
            let open =
                known.of_partition(partition).filter(|(_, region)| region.availability != Availability::Announced);
            open.map(|(name, _)| name).chain(opted_in.keys().copied()).collect()
        }
    };
    names.extend(integration.fallback_region);
    let availability = |name: &RegionName| known.get(*name).map(|region| region.availability);
    let was = |name: &RegionName, status: RegionStatus| {
        before.and_then(|before| before.regions.get(name)).is_some_and(|region| region.status == status)
    };
    let mut candidates: Vec<_> = names
        .into_iter()
        .map(|name| Candidate {
            name,
            opted_in: opted_in.get(&name).copied(),
            is_default: availability(&name) == Some(Availability::Default),
            was_denied: was(&name, RegionStatus::AccessDenied),
            foreign: known.partition_of(name).filter(|theirs| *theirs != partition),
        })
        .collect();
    candidates.sort_by_key(|candidate| {
        (
            !was(&candidate.name, RegionStatus::Enabled),
            !candidate.opted_in.unwrap_or(candidate.is_default),
            candidate.name,
        )
    });
    candidates
}

/// The inputs that all Regions of an account share.
pub(super) struct CheckContext {
    pub(super) account: AccountId,
    pub(super) partition: Partition,
    /// The ARN of the caller.
    pub(super) caller: String,
    pub(super) auto_accept: bool,
    pub(super) write_probe: WriteProbe,
    pub(super) call_timeout: Duration,
}

/// The check of a Region.
struct RegionCheck<'a, H> {
    context: &'a CheckContext,
    hub: &'a H,
    place: RegionContext,
    candidate: &'a Candidate,
    /// The calls that were denied so far.
    denials: Vec<Denial>,
}

impl CheckContext {
    /// Checks a Region. Leaves nothing in its hub.
    pub(super) async fn check_region<H: Hub + Probe + Sync>(&self, hub: &H, candidate: &Candidate) -> CheckOutcome {
        let place = RegionContext { partition: self.partition, account: self.account, region: candidate.name };
        if let Some(theirs) = candidate.foreign {
            return CheckOutcome::Found(RegionStatus::Unreachable, Some(place.wrong_partition(theirs)));
        }
        if candidate.opted_in == Some(false) {
            return CheckOutcome::Found(RegionStatus::RegionNotOptedIn, Some(place.region_not_opted_in()));
        }
        let mut check = RegionCheck { context: self, hub, place, candidate, denials: Vec::new() };
        match check.run().await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }
}

impl<H: Hub + Probe + Sync> RegionCheck<'_, H> {
    /// Makes the calls in order. A result that makes further calls unnecessary is returned as the error.
    async fn run(&mut self) -> Result<CheckOutcome, CheckOutcome> {
        let (hub, region) = (self.hub, self.place.region);
        let described = self.query(|| hub.enabled_at(&region)).await;
        self.interpret(described, "securityhub:DescribeHub")?;
        let (accepted, read) =
            tokio::join!(self.query(|| hub.product_accepted(&region)), self.query(|| hub.read_one_finding(&region)));
        let accepted = self.interpret(accepted, "securityhub:ListEnabledProductsForImport")?;
        self.interpret(read, "securityhub:GetFindings")?;
        let fresh = accepted == Some(false);
        if fresh {
            self.require_accepted().await?;
        }
        self.probe_write(accepted.is_some(), fresh).await
    }

    /// Accepts the product, if the integration is configured to do so.
    async fn require_accepted(&self) -> Result<(), CheckOutcome> {
        let (hub, region) = (self.hub, self.place.region);
        let mut problem = self.place.product_not_accepted();
        if self.context.auto_accept {
            match self.query(|| hub.accept_product(&region)).await {
                Ok(()) => return Ok(()),
                Err(CallError::AccessDenied(message)) => {
                    let denial = Denial::parse(&message, "securityhub:EnableImportFindingsForProduct");
                    problem.message += &format!(
                        "; the automatic acceptance failed: {} was denied. AWS returned: {message}",
                        denial.action
                    );
                }
                Err(error) if is_transient(&error) => {
                    return Err(CheckOutcome::Transient(self.place.transient(&error.to_string())));
                }
                Err(error) => problem.message += &format!("; the automatic acceptance failed: {error}"),
            }
        }
        Err(CheckOutcome::Found(RegionStatus::ProductNotAccepted, Some(problem)))
    }

    /// Sends the write probe and interprets the response.
    async fn probe_write(&mut self, accepted: bool, fresh: bool) -> Result<CheckOutcome, CheckOutcome> {
        let is_in_doubt = !accepted || self.candidate.was_denied;
        if self.context.write_probe == WriteProbe::WhereInDoubt && !is_in_doubt {
            return Ok(self.enabled_outcome());
        }
        let (hub, RegionContext { partition, account, region }) = (self.hub, self.place);
        let body = write_probe_body(partition, account, region);
        let mut pause = FRESH_PAUSE;
        for attempt in 1.. {
            let answer = interpret_write(self.query(|| hub.write_probe(&region, body.clone())).await);
            match answer {
                Writing::Denied(_) | Writing::NotAccepted(_) if fresh && attempt < FRESH_PROBES_MAX => {
                    sleep(pause).await;
                    pause *= 2;
                }
                Writing::Allowed => return Ok(self.enabled_outcome()),
                Writing::Stored => return Ok(CheckOutcome::AcceptsInvalid(self.place.write_probe_stored())),
                Writing::Denied(message) => {
                    self.denials.insert(0, Denial::parse(&message, "securityhub:BatchImportFindings"));
                    return Ok(self.denied_outcome(accepted));
                }
                Writing::NotAccepted(message) if accepted => {
                    self.denials.insert(0, Denial::parse(&message, "securityhub:BatchImportFindings"));
                    return Ok(self.denied_outcome(accepted));
                }
                Writing::NotAccepted(message) => {
                    let mut problem = self.place.product_not_accepted();
                    problem.message += &format!(", or Security Hub is not enabled there. AWS returned: {message}");
                    return Ok(CheckOutcome::Found(RegionStatus::ProductNotAccepted, Some(problem)));
                }
                Writing::Unknown(error) => {
                    self.interpret::<()>(Err(error), "securityhub:BatchImportFindings")?;
                    break;
                }
            }
        }
        Ok(self.denied_outcome(accepted))
    }

    /// The outcome if findings are accepted. Denied read permissions are its problem.
    fn enabled_outcome(&self) -> CheckOutcome {
        CheckOutcome::Found(RegionStatus::Enabled, self.place.access_denied(&self.denials, &self.context.caller))
    }

    /// The outcome if findings can't be imported. Security Hub returns the same error if the product is not accepted.
    fn denied_outcome(&self, accepted: bool) -> CheckOutcome {
        let problem = self.place.access_denied(&self.denials, &self.context.caller).map(|mut problem| {
            if !accepted {
                let other = self.place.product_not_accepted().remediation.unwrap_or_default();
                problem.message +=
                    &format!(". It is unknown whether the Prowler product is accepted; if it is not: {other}");
            }
            problem
        });
        CheckOutcome::Found(RegionStatus::AccessDenied, problem)
    }

    /// Makes a call with a timeout. If the session has expired, the call is retried, since it then uses a new session.
    async fn query<T, F>(&self, call: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let most = self.context.call_timeout;
        let context = async {
            match call().await {
                Err(CallError::ExpiredToken(_)) => call().await,
                answer => answer,
            }
        };
        let timed_out = || CallError::Unreachable(format!("no response within {} s", most.as_secs()));
        timeout(most, context).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Interprets a result. `None` if the call was denied, which is recorded. A result that decides the outcome is returned
    /// as the error.
    fn interpret<T>(&mut self, answer: Result<T, CallError>, action: &str) -> Result<Option<T>, CheckOutcome> {
        let error = match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) => error,
        };
        let place = &self.place;
        Err(match error {
            CallError::AccessDenied(message) => {
                self.denials.push(Denial::parse(&message, action));
                return Ok(None);
            }
            CallError::InvalidAccess(_) => {
                CheckOutcome::Found(RegionStatus::HubNotEnabled, Some(place.hub_not_enabled()))
            }
            CallError::UnrecognizedClient(message) => {
                let Candidate { opted_in, is_default, .. } = *self.candidate;
                let problem = match opted_in {
                    Some(true) => place.session_not_known(&message),
                    _ => place.region_not_opted_in(),
                };
                CheckOutcome::Unknown { message, problem, is_expected: opted_in.unwrap_or(is_default) }
            }
            CallError::Unreachable(message) => {
                CheckOutcome::Found(RegionStatus::Unreachable, Some(place.unreachable(&message)))
            }
            error => CheckOutcome::Transient(place.transient(&error.to_string())),
        })
    }
}

fn is_transient(error: &CallError) -> bool {
    matches!(error, CallError::Throttled(_) | CallError::Transient(_) | CallError::ExpiredToken(_))
}
