//! GetFindings: filters, order, pages (contract 3.1).
//!
//! Without sort criteria, findings are ordered by (account, Region, ProductArn, Id), and a page continues where the previous one
//! ended. With sort criteria, every page sorts all findings again.

mod attributes;
mod compare;
mod filters;
mod request;
mod scope;
mod token;

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::config::Deviation;
use crate::context::Context;
use crate::response::Response;
use request::Request;
use scope::{Found, Scope};
use token::Token;

/// Returns one page.
pub(crate) fn get(context: &Context<'_>, body: &[u8]) -> Response {
    if !context.is_hub_on() {
        return context.not_subscribed();
    }
    match page(context, body) {
        Ok(response) => response,
        Err(message) => Response::invalid_input(&message),
    }
}

fn page(context: &Context<'_>, body: &[u8]) -> Result<Response, String> {
    let rules = &context.world.config.rules;
    let request = Request::parse(body, rules)?;
    let query = request.query_hash(&context.caller.account, context.region);
    let position = match &request.next_token {
        Some(text) => Some(Token::open(text, query, context)?),
        None => None,
    };
    let scope = Scope::new(context);
    let (mut findings, next) = if request.sort.is_empty() {
        in_key_order(context, &scope, &request, position.as_ref())
    } else {
        in_sort_order(context, &scope, &request, position.as_ref())
    };
    if rules.deviates(Deviation::OrderChanges) && context.world.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    {
        findings.reverse();
    }
    let next = next.filter(|_| !rules.deviates(Deviation::NextTokenMissing));
    let mut answer = json!({ "Findings": findings });
    if let Some(next) = next {
        answer["NextToken"] = Value::from(next.seal(query, context));
    }
    Ok(Response::ok(&answer))
}

/// A page that continues after the last finding of the previous page.
fn in_key_order(
    context: &Context<'_>,
    scope: &Scope<'_>,
    request: &Request,
    position: Option<&Token>,
) -> (Vec<Value>, Option<Token>) {
    let limit = request.max_results;
    // One finding more than the page shows whether a next page exists.
    let mut found = scope.search(context, &request.filters, position, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    // The token points to the finding before the last one, so that the next page repeats the last one.
    let repeats = context.deviates(Deviation::PageRepeatsFinding) && limit > 1;
    let last = found.len().checked_sub(1 + usize::from(repeats)).and_then(|index| found.get(index));
    let next = last.filter(|_| more).map(|found| Token::behind(found.place, &found.product_arn, &found.id));
    (found.into_iter().map(|found| found.finding).collect(), next)
}

/// A page of all matching findings in sort order; the position is a count.
fn in_sort_order(
    context: &Context<'_>,
    scope: &Scope<'_>,
    request: &Request,
    position: Option<&Token>,
) -> (Vec<Value>, Option<Token>) {
    let mut found: Vec<Found> = scope.search(context, &request.filters, None, usize::MAX);
    found.sort_by(|left, right| request.compare(&left.finding, &right.finding));
    let start = position.map_or(0, Token::count);
    let end = (start + request.max_results).min(found.len());
    let next = (end < found.len()).then(|| Token::at(end));
    let page = found.into_iter().skip(start).take(request.max_results);
    (page.map(|found| found.finding).collect(), next)
}
