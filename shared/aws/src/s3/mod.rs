//! Scans in their buckets, and objects of the state bucket.

pub(crate) mod objects;
pub(crate) mod scans;
pub(crate) mod uploads;
