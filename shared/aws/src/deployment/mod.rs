//! A deployment: its stack, its functions, and the state of its resources.

pub(crate) mod check_function;
pub(crate) mod connection_tests;
pub(crate) mod function;
pub(crate) mod inspect;
pub(crate) mod management_function;
pub(crate) mod outputs;
pub(crate) mod stacks;
pub(crate) mod topics;
