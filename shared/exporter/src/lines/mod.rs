//! JSON Lines in S3 objects, written and read as streams.

pub(crate) mod reader;
pub mod writer;
