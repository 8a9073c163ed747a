//! Scans that don't see everything, without reporting it.

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use crate::REGIONS;
use crate::ground_truth::{CHECKS, Truth};
use crate::scan::{Extra, Layout, Result, Scanned, Where};

/// The way in which a scan is partially blind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blindness {
    None,
    /// A missing permission, in the forms of contract 11.1.
    ManualInsteadOfAll,
    ManualBesideSome,
    ManualInsteadOfFail,
    ManualInRegion,
    RegionOut,
    ServiceOut,
    OneResource,
    FewResults,
    SeveralTimes,
    Lines,
    Truncated,
    TruncatedLines,
    Malformed,
    /// Blindness that no rule detects in one scan: a check has no results in a Region, or the last lines are missing.
    CheckOutInRegion,
    CutLines,
    Halves,
}

impl Blindness {
    const ALL: [Self; 17] = [
        Self::None,
        Self::ManualInsteadOfAll,
        Self::ManualBesideSome,
        Self::ManualInsteadOfFail,
        Self::ManualInRegion,
        Self::RegionOut,
        Self::ServiceOut,
        Self::OneResource,
        Self::FewResults,
        Self::SeveralTimes,
        Self::Lines,
        Self::Truncated,
        Self::TruncatedLines,
        Self::Malformed,
        Self::CheckOutInRegion,
        Self::CutLines,
        Self::Halves,
    ];

    pub(crate) fn any(random: &mut StdRng) -> Self {
        if random.random_bool(0.35) { Self::None } else { Self::ALL[random.random_range(0..Self::ALL.len())] }
    }

    /// Whether the rule guarantees that no such scan archives a finding whose resource exists and fails.
    pub(crate) fn is_harmless(self, looks_partial: bool) -> bool {
        match self {
            Self::CheckOutInRegion | Self::CutLines | Self::Halves => false,
            Self::OneResource | Self::FewResults => looks_partial,
            _ => true,
        }
    }
}

fn manual(check: &'static str, region: &'static str, resource: String) -> Result {
    Result { check, region, resource, failed: false, muted: false, manual: true, detail: 0, at: None }
}

/// A result for a missing permission about the account, in one of its forms.
fn about_account(random: &mut StdRng, check: &'static str, account: AccountId) -> Result {
    let region = REGIONS[random.random_range(0..REGIONS.len())];
    let resource = match random.random_range(0..3) {
        0 => account.to_string(),
        1 => format!("arn:aws:iam::{account}:root"),
        _ => format!("arn:aws:logs:{region}:{account}:log-group"),
    };
    manual(check, region, resource)
}

/// The files of a scan of the account at this time, with this blindness.
pub(crate) fn look(
    random: &mut StdRng,
    truth: &Truth,
    account: AccountId,
    at: Timestamp,
    blindness: Blindness,
    before: Option<&Scanned>,
) -> Vec<Scanned> {
    let mut results = truth.resources.clone();
    if random.random_bool(0.5) {
        results.shuffle(random);
    }
    let check = CHECKS[random.random_range(0..CHECKS.len())];
    let region = REGIONS[random.random_range(0..REGIONS.len())];
    let (mut layout, mut extra, mut cut) = (Layout::Array, Vec::new(), None);
    if random.random_bool(0.2) {
        layout = Layout::Findings;
    }
    match blindness {
        Blindness::None => {}
        Blindness::Lines => layout = Layout::Lines,
        Blindness::ManualInsteadOfAll => {
            results.retain(|one| one.check != check);
            results.push(about_account(random, check, account));
        }
        Blindness::ManualBesideSome => {
            results.retain(|one| one.check != check || random.random_bool(0.5));
            // The Id must not be that of another finding.
            results.insert(0, manual(check, region, account.to_string()));
        }
        Blindness::ManualInsteadOfFail => {
            results.retain(|one| one.check != check || !one.failed);
            let group = format!("arn:aws:logs:{region}:{account}:log-group");
            results.push(manual(check, region, group));
        }
        Blindness::ManualInRegion => {
            results.retain(|one| one.check != check || one.region != region);
            results.push(manual(check, region, format!("arn:aws:bedrock:{region}:{account}:model/unknown")));
        }
        Blindness::RegionOut => results.retain(|one| one.region != region),
        Blindness::ServiceOut => {
            let service = check.split('_').next();
            results.retain(|one| one.check.split('_').next() != service);
        }
        Blindness::OneResource => results.truncate(1),
        Blindness::FewResults => results.retain(|_| random.random_bool(0.3)),
        Blindness::SeveralTimes => results = several_times(random, results, at, before),
        Blindness::Truncated if results.len() > 1 => cut = Some(random.random_range(1..results.len())),
        Blindness::TruncatedLines if results.len() > 1 => {
            (layout, cut) = (Layout::Lines, Some(random.random_range(1..results.len())));
        }
        Blindness::Truncated | Blindness::TruncatedLines => {}
        Blindness::Malformed => {
            for _ in 0..random.random_range(1..3) {
                extra.extend(malformed(random, &mut results, account));
            }
            // Later entries may have removed results, so that the position of an earlier one is limited to the end.
            extra.iter_mut().for_each(|entry| entry.before = entry.before.min(results.len()));
        }
        Blindness::CheckOutInRegion => results.retain(|one| one.check != check || one.region != region),
        Blindness::CutLines => {
            layout = Layout::Lines;
            results.truncate(results.len() * 9 / 10);
        }
        Blindness::Halves => {
            let (one, two): (Vec<_>, Vec<_>) = results.into_iter().partition(|_| random.random_bool(0.5));
            let half = |results| Scanned { layout, ..Scanned::new(account, at, results) };
            return [one, two].into_iter().filter(|half| !half.is_empty()).map(half).collect();
        }
    }
    if results.is_empty() {
        return Vec::new();
    }
    vec![Scanned { layout, extra, cut, ..Scanned::new(account, at, results) }]
}

/// The results of the scan and of an older one in one file, in any order.
fn several_times(
    random: &mut StdRng,
    mut results: Vec<Result>,
    at: Timestamp,
    before: Option<&Scanned>,
) -> Vec<Result> {
    match before.filter(|_| random.random_bool(0.6)) {
        Some(before) => {
            let old = before.results[..before.cut.unwrap_or(before.results.len())].iter();
            let old = old.map(|one| Result { at: Some(one.at.unwrap_or(before.at)), ..one.clone() });
            let place = random.random_range(0..=results.len());
            results.splice(place..place, old);
        }
        // Parts of the scan began within minutes of each other.
        None => {
            for result in &mut results {
                let seconds = 60 * random.random_range(0..3);
                result.at = Some(at - SignedDuration::from_secs(seconds));
            }
        }
    }
    if random.random_bool(0.3) {
        results.shuffle(random);
    }
    results
}

/// Replaces a result with an entry that can't be mapped, and whose account, Region, or check may be unknown.
fn malformed(random: &mut StdRng, results: &mut Vec<Result>, account: AccountId) -> Option<Extra> {
    if results.is_empty() {
        return None;
    }
    let number = random.random_range(0..results.len());
    let lost = results.remove(number);
    let mut entry = lost.ocsf(account, Timestamp::UNIX_EPOCH);
    entry["finding_info"]["uid"] = json!("x");
    // A status code that doesn't exist.
    entry["status_code"] = json!("PERHAPS");
    let some = |text: &str| Some(text.to_owned());
    let mut place = Where { account: some(account.as_str()), region: some(lost.region), check: some(lost.check) };
    match random.random_range(0..4) {
        0 => {}
        1 => {
            entry["metadata"].as_object_mut().unwrap().remove("event_code");
            place.check = None;
        }
        2 => {
            entry["cloud"].as_object_mut().unwrap().remove("account");
            place.account = None;
        }
        // An entry of another account has no effect on this one.
        _ => {
            entry["cloud"]["account"]["uid"] = json!("999999999999");
            place.account = some("999999999999");
            // The result of the resource is still in the file.
            results.insert(number, lost);
        }
    }
    Some(Extra { text: entry.to_string(), place, before: number.min(results.len()) })
}
