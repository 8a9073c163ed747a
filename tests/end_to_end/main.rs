//! Tests of the deployed system, from the upload to Security Hub. The name of each test states a promise of the system.

mod accounts;
mod approval;
mod connections;
mod duplicates;
mod files;
mod formats;
mod jobs;
mod lifecycle;
mod management;
mod management_page;
mod other_writers;
mod runbook;
mod secrets;
mod service_failures;
