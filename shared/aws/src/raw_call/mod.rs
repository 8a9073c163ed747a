//! Calls whose bodies are ours both ways: of services of which one operation is wanted ([`signed`]), and of Security Hub with
//! findings ([`carried`]), which keep the client's own configuration.

pub(crate) mod carried;
pub(crate) mod signed;
pub(crate) mod xml;
