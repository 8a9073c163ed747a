//! End-to-end tests of the deployed system
