//! Maps one element of a scan to a finding.

use crate::outcome::{Outcome, Skip};
use crate::read::{Content, Element};
use crate::regions::Regions;

/// Maps one element. Pure: call it on as many threads as you like.
#[must_use]
pub fn map(element: &Element, regions: &Regions) -> Outcome {
    let _ = regions;
    match &element.content {
        Content::Unreadable(unreadable) => Outcome::Unreadable(unreadable.clone()),
        Content::Ocsf(_) => Outcome::Skipped(Skip::Manual),
    }
}
