//! Calls with raw bodies: signed calls of services of which only one operation is used ([`signed`]), and calls of Security Hub
//! with findings ([`raw_body`]), which use the configuration of the SDK's client.

pub(crate) mod raw_body;
pub(crate) mod signed;
pub(crate) mod xml;
