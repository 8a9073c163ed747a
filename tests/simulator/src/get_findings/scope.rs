//! The findings that a read includes: those of the caller and of its members, in its own Region and in the linked Regions
//! (contract 2.4).

use serde_json::Value;

use super::filters::Filters;
use super::token::Token;
use crate::config::Deviation;
use crate::context::Context;
use crate::findings::{Place, RecordState, render};

/// The (account, Region) pairs of a read, in order.
pub(super) struct Scope<'a> {
    places: Vec<(&'a str, &'a str)>,
}

/// A finding that matches, and its place in the order.
pub(super) struct Found {
    pub(super) place: usize,
    pub(super) product_arn: String,
    pub(super) id: String,
    pub(super) finding: Value,
}

impl<'a> Scope<'a> {
    pub(super) fn new(context: &'a Context<'_>) -> Self {
        let own = context.caller.account.as_str();
        let accounts = std::iter::once(own).chain(context.world.members(own).iter().map(String::as_str));
        let mut regions = vec![context.region];
        regions.extend(context.world.linked_regions(own, context.region));
        let places = accounts.flat_map(|account| regions.iter().map(move |region| (account, *region)));
        Self { places: places.collect() }
    }

    /// Up to `limit` matching findings after `after`, in the versions that are visible now.
    pub(super) fn search(
        &self,
        context: &Context<'_>,
        filters: &Filters,
        after: Option<&Token>,
        limit: usize,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        let rules = &context.world.config.rules;
        let deviations = rules.deviations.as_slice();
        let start = after.map_or(0, Token::place);
        for (place, (account, region)) in self.places.iter().enumerate().skip(start) {
            let Some(here) = context.world.region(account, region) else {
                continue;
            };
            let account_name = context.world.accounts.get(*account).and_then(|account| account.config.name.as_deref());
            let state = here.state();
            if state.hub.is_none() {
                continue;
            }
            let behind = after.filter(|token| token.place() == place).map(Token::key);
            for (product_arn, id, stored) in state.findings.iter(behind, context.now) {
                let Some(stored) = stored.visible(context.now) else {
                    continue;
                };
                if rules.deviates(Deviation::ArchivedHidden) && stored.record_state == RecordState::Archived {
                    continue;
                }
                if !filters.may_match(stored, product_arn, id, region) {
                    continue;
                }
                let finding = render(stored, product_arn, id, &Place { account_name, region, deviations });
                if filters.matches(&finding, context.now) {
                    found.push(Found { place, product_arn: product_arn.to_owned(), id: id.to_owned(), finding });
                }
                if found.len() == limit {
                    return found;
                }
            }
        }
        found
    }
}
