//! One Region: is the hub on, is the product accepted, may we read, may we write.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use asff::{AccountId, Availability, Partition, RegionName, Regions};
use tokio::time::{sleep, timeout};

use super::denial::Denial;
use super::probe::{Writing, write_probe, writing};
use super::remediation::RegionContext;
use super::settings::WriteProbe;
use super::{AccountRegion, Connection, Probe, Problem, RegionStatus};
use crate::integration::Integration;
use crate::ports::{CallError, Hub};

/// Times that the write probe is sent to a hub that accepted the product a moment ago and does not act by it yet.
const FRESH_PROBES_MAX: u32 = 3;
/// The pause before the second of them.
const FRESH_PAUSE: Duration = Duration::from_secs(1);

/// A Region to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: RegionName,
    /// Whether the account has it, by its own word. None: it was not asked, or did not say.
    pub(super) told: Option<bool>,
    /// Every account has it.
    pub(super) is_default: bool,
    /// Writing was denied when it was looked at last.
    pub(super) was_denied: bool,
    /// It belongs to another partition.
    pub(super) foreign: Option<Partition>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The Region's own answer, or that there is none.
    Found(RegionStatus, Option<Problem>),
    /// The Region does not know the credentials.
    Unknown {
        /// Its words.
        said: String,
        /// What it would mean, if other Regions know them.
        problem: Problem,
        /// The account should have the Region.
        is_had: bool,
    },
    /// Findings are taken, and what must not be stored is.
    Careless(Problem),
    /// Nothing, for a passing reason.
    Passing(Problem),
}

/// The Regions to look at: those that the integration names, otherwise those of the partition that are in the data file or
/// that the account told of. First those that took findings before, then those that every account has.
pub(super) fn candidates(
    known: &Regions,
    partition: Partition,
    integration: &Integration,
    before: Option<&Connection>,
    told: &[AccountRegion],
) -> Vec<Candidate> {
    let told: BTreeMap<_, _> = told.iter().map(|region| (region.name, region.opted_in)).collect();
    let mut names: BTreeSet<RegionName> = match &integration.regions {
        Some(named) => named.iter().copied().collect(),
        None => {
            let open =
                known.of_partition(partition).filter(|(_, region)| region.availability != Availability::Announced);
            open.map(|(name, _)| name).chain(told.keys().copied()).collect()
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
            told: told.get(&name).copied(),
            is_default: availability(&name) == Some(Availability::Default),
            was_denied: was(&name, RegionStatus::AccessDenied),
            foreign: known.partition_of(name).filter(|theirs| *theirs != partition),
        })
        .collect();
    candidates.sort_by_key(|candidate| {
        (!was(&candidate.name, RegionStatus::Enabled), !candidate.told.unwrap_or(candidate.is_default), candidate.name)
    });
    candidates
}

/// What is the same for every Region of an account.
pub(super) struct Asking {
    pub(super) account: AccountId,
    pub(super) partition: Partition,
    /// The ARN of the caller.
    pub(super) caller: String,
    pub(super) auto_accept: bool,
    pub(super) write_probe: WriteProbe,
    pub(super) call_timeout: Duration,
}

/// A Region while it is looked at.
struct Looking<'a, H> {
    asking: &'a Asking,
    hub: &'a H,
    place: RegionContext,
    candidate: &'a Candidate,
    /// Calls that were denied so far.
    denials: Vec<Denial>,
}

impl Asking {
    /// Looks at a Region. Leaves nothing in its hub.
    pub(super) async fn look<H: Hub + Probe + Sync>(&self, hub: &H, candidate: &Candidate) -> Look {
        let place = RegionContext { partition: self.partition, account: self.account, region: candidate.name };
        if let Some(theirs) = candidate.foreign {
            return Look::Found(RegionStatus::Unreachable, Some(place.wrong_partition(theirs)));
        }
        if candidate.told == Some(false) {
            return Look::Found(RegionStatus::RegionNotOptedIn, Some(place.region_not_opted_in()));
        }
        let mut looking = Looking { asking: self, hub, place, candidate, denials: Vec::new() };
        match looking.questions().await {
            Ok(look) | Err(look) => look,
        }
    }
}

impl<H: Hub + Probe + Sync> Looking<'_, H> {
    /// The questions, in order. An answer after which no other matters is the error.
    async fn questions(&mut self) -> Result<Look, Look> {
        let (hub, region) = (self.hub, self.place.region);
        let described = self.ask(|| hub.since(&region)).await;
        self.answer(described, "securityhub:DescribeHub")?;
        let (accepted, read) =
            tokio::join!(self.ask(|| hub.product_accepted(&region)), self.ask(|| hub.read_one(&region)));
        let accepted = self.answer(accepted, "securityhub:ListEnabledProductsForImport")?;
        self.answer(read, "securityhub:GetFindings")?;
        let fresh = accepted == Some(false);
        if fresh {
            self.accept().await?;
        }
        self.write(accepted.is_some(), fresh).await
    }

    /// Accepts the product, where the integration says so.
    async fn accept(&self) -> Result<(), Look> {
        let (hub, region) = (self.hub, self.place.region);
        let mut problem = self.place.product_not_accepted();
        if self.asking.auto_accept {
            match self.ask(|| hub.accept_product(&region)).await {
                Ok(()) => return Ok(()),
                Err(CallError::AccessDenied(said)) => {
                    let denial = Denial::parse(&said, "securityhub:EnableImportFindingsForProduct");
                    problem.message += &format!(
                        "; it was to be accepted by itself, but {} was denied. AWS says: {said}",
                        denial.action
                    );
                }
                Err(error) if is_passing(&error) => return Err(Look::Passing(self.place.passing(&error.to_string()))),
                Err(error) => problem.message += &format!("; it was to be accepted by itself: {error}"),
            }
        }
        Err(Look::Found(RegionStatus::ProductNotAccepted, Some(problem)))
    }

    /// Sends the write probe and judges by its answer.
    async fn write(&mut self, accepted: bool, fresh: bool) -> Result<Look, Look> {
        let is_in_doubt = !accepted || self.candidate.was_denied;
        if self.asking.write_probe == WriteProbe::WhereInDoubt && !is_in_doubt {
            return Ok(self.enabled());
        }
        let (hub, RegionContext { partition, account, region }) = (self.hub, self.place);
        let body = write_probe(partition, account, region);
        let mut pause = FRESH_PAUSE;
        for attempt in 1.. {
            let answer = writing(self.ask(|| hub.write_probe(&region, body.clone())).await);
            match answer {
                Writing::Denied(_) | Writing::NotTaken(_) if fresh && attempt < FRESH_PROBES_MAX => {
                    sleep(pause).await;
                    pause *= 2;
                }
                Writing::Allowed => return Ok(self.enabled()),
                Writing::Stored => return Ok(Look::Careless(self.place.write_probe_stored())),
                Writing::Denied(said) => {
                    self.denials.insert(0, Denial::parse(&said, "securityhub:BatchImportFindings"));
                    return Ok(self.denied(accepted));
                }
                Writing::NotTaken(said) if accepted => {
                    self.denials.insert(0, Denial::parse(&said, "securityhub:BatchImportFindings"));
                    return Ok(self.denied(accepted));
                }
                Writing::NotTaken(said) => {
                    let mut problem = self.place.product_not_accepted();
                    problem.message += &format!(", or Security Hub is off there. AWS says: {said}");
                    return Ok(Look::Found(RegionStatus::ProductNotAccepted, Some(problem)));
                }
                Writing::Unknown(error) => {
                    self.answer::<()>(Err(error), "securityhub:BatchImportFindings")?;
                    break;
                }
            }
        }
        Ok(self.denied(accepted))
    }

    /// Findings are taken. What may not be read is said beside it.
    fn enabled(&self) -> Look {
        Look::Found(RegionStatus::Enabled, self.place.access_denied(&self.denials, &self.asking.caller))
    }

    /// Findings may not be written. Security Hub answers alike where the product is not accepted.
    fn denied(&self, accepted: bool) -> Look {
        let problem = self.place.access_denied(&self.denials, &self.asking.caller).map(|mut problem| {
            if !accepted {
                let other = self.place.product_not_accepted().remediation.unwrap_or_default();
                problem.message += &format!(
                    ". Whether the Prowler product is accepted could not be asked; if it is not, this is what to do: {other}"
                );
            }
            problem
        });
        Look::Found(RegionStatus::AccessDenied, problem)
    }

    /// Asks a question, for so long; again where the session ended meanwhile, since the next call has a fresh one.
    async fn ask<T, F>(&self, question: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let most = self.asking.call_timeout;
        let asking = async {
            match question().await {
                Err(CallError::ExpiredToken(_)) => question().await,
                answer => answer,
            }
        };
        let silence = || CallError::Unreachable(format!("no answer within {} s", most.as_secs()));
        timeout(most, asking).await.unwrap_or_else(|_| Err(silence()))
    }

    /// Takes an answer in; none where the question was denied, which is noted. What settles the matter is the error.
    fn answer<T>(&mut self, answer: Result<T, CallError>, action: &str) -> Result<Option<T>, Look> {
        let error = match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) => error,
        };
        let place = &self.place;
        Err(match error {
            CallError::AccessDenied(said) => {
                self.denials.push(Denial::parse(&said, action));
                return Ok(None);
            }
            CallError::InvalidAccess(_) => Look::Found(RegionStatus::HubNotEnabled, Some(place.hub_not_enabled())),
            CallError::UnrecognizedClient(said) => {
                let Candidate { told, is_default, .. } = *self.candidate;
                let problem = match told {
                    Some(true) => place.session_not_known(&said),
                    _ => place.region_not_opted_in(),
                };
                Look::Unknown { said, problem, is_had: told.unwrap_or(is_default) }
            }
            CallError::Unreachable(said) => Look::Found(RegionStatus::Unreachable, Some(place.unreachable(&said))),
            error => Look::Passing(place.passing(&error.to_string())),
        })
    }
}

fn is_passing(error: &CallError) -> bool {
    matches!(error, CallError::Throttled(_) | CallError::Transient(_) | CallError::ExpiredToken(_))
}
