//! Which findings are sent, and to which Region.

pub mod destination;
pub mod filter;
pub mod route;
