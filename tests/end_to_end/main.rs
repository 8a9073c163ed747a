//! The deployed system from the upload to Security Hub. Every test names the promise that it holds the system to.

mod accounts;
mod again;
mod approval;
mod connections;
mod files;
mod formats;
mod jobs;
mod lifecycle;
mod management;
mod management_page;
mod others;
mod runbook;
mod secrets;
mod trouble;
