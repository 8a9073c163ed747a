//! What a scan proves about findings that are absent from it. Absence alone is not evidence: the scanner may have
//! skipped the check.
//!
//! A *verdict* is a PASS or FAIL entry, muted or not. [`Evidence`] collects the entries of one account while the file
//! is read; [`Proof`] then judges each absent finding by its check, service, and Region. The module is pure: no clock,
//! no I/O.

pub(crate) mod coverage;
mod gather;
mod proof;
mod regions;
#[cfg(test)]
mod tests;

pub(crate) use self::gather::{Evidence, MalformedEntries, ManualFor};
pub(crate) use self::proof::{Absence, Proof, Reading, ScanSize};

/// The service of a check: its ID up to the first underscore.
pub(crate) fn service(check: &str) -> &str {
    check.split_once('_').map_or(check, |(service, _)| service)
}
