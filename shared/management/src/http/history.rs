//! `/history`.

use std::sync::Arc;

use asff::AccountId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use exporter::report::history::HistoryBy;
use jiff::civil::Date;
use utoipa::IntoParams;

use super::error_responses::ReadErrors;
use super::read::Query;
use super::write;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;
use crate::wire::HistoryList;

/// Maximum number of days of a period: the retention of runs.
const DAYS_MAX: u8 = 90;
/// Default number of days.
const DAYS_DEFAULT: u8 = 30;

/// Parameters of the operation, for the API's description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `sums` reads")]
pub(crate) struct HistoryParams {
    /// The key by which runs are summed. Default: `day`.
    by: Option<HistoryBy>,
    /// Number of UTC days, today included.
    #[param(minimum = 1, maximum = 90, default = 30)]
    days: Option<u32>,
    /// Only the results for this account.
    #[param(value_type = Option<String>, pattern = "^[0-9]{12}$")]
    account: Option<AccountId>,
    /// The `next` of the previous page: the newest day to sum. Default: today.
    #[param(value_type = Option<String>, format = Date)]
    after: Option<Date>,
}

/// Sum the finished runs by day, Region, or account
#[utoipa::path(get, path = "/history", tag = "runs", operation_id = "sumRuns", params(HistoryParams),
    responses((status = 200, body = HistoryList), ReadErrors))]
pub(crate) async fn sums<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let by = query.value("by")?.unwrap_or_default();
    let days = match query.take("days")? {
        None => DAYS_DEFAULT,
        Some(text) => match text.parse() {
            Ok(days) if (1..=DAYS_MAX).contains(&days) && text.bytes().all(|digit| digit.is_ascii_digit()) => days,
            _ => return Err(ApiError::field("days", format!("must be 1 to {DAYS_MAX}"))),
        },
    };
    let account = query.account()?;
    let after = query.take("after")?.map(|text| day(&text).ok_or_else(ApiError::invalid_cursor)).transpose()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.history(by, days, account, after).await?))
}

/// Parses a day in the format that responses have.
fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|day: &Date| day.to_string() == text)
}
