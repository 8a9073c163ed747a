//! Validates integrations.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use asff::{RegionName, Regions};
use exporter::integration::{ABSENT_SCANS, Integration};
use exporter::provider::ProviderId;
use exporter::scan_source::{PREFIX_BYTES_MAX, SOURCES_MAX, ScanSource};
use serde_json::Value;

use super::provider::ID_FORM;
use super::{Errors, Settings};
use crate::problem::ApiError;
use crate::wire::{IntegrationBody, ScanSourceBody};

/// Values of a percentage.
const PERCENT: RangeInclusive<i64> = 0..=100;
/// Maximum number of Regions of an integration; about forty exist.
const REGIONS_MAX: usize = 100;
/// Stored fields that a patch can't change.
const NOT_PATCHABLE: [&str; 4] = ["alias", "credentials", "deletion_requested_at", "enabled_since"];

/// The integration in a body, without its credentials.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn integration(body: &IntegrationBody, deployment: &Settings) -> Result<Integration, ApiError> {
    let mut errors = Errors::default();
    let id = body.provider.parse::<ProviderId>();
    if id.is_err() {
        errors.add("provider", ID_FORM);
    }
    let archive_limit = number("archive_limit_percent", body.archive_limit_percent, PERCENT, &mut errors);
    let absent_scans = i64::from(*ABSENT_SCANS.start())..=i64::from(*ABSENT_SCANS.end());
    let absent_scans = number("absent_scans", body.absent_scans, absent_scans, &mut errors);
    let partial_scan = number("partial_scan_percent", body.partial_scan_percent, PERCENT, &mut errors);
    let severities = "INFORMATIONAL, LOW, MEDIUM, HIGH, or CRITICAL";
    // Prowler uses lowercase, Security Hub uppercase.
    let label = body.severity_min.as_deref().map(str::to_ascii_uppercase);
    let severity_min = errors.enumerated("severity_min", label.as_deref(), severities);
    let regions = regions(body, deployment, &mut errors);
    let fallback_region = fallback(body, regions.as_deref(), deployment, &mut errors);
    let scan_sources = scan_sources(body, &mut errors);
    let archive_scope = errors.enumerated("archive_scope", body.archive_scope.as_deref(), "full, partial, or observed");
    let resend = errors.enumerated("resend", body.resend.as_deref(), "changed or always");
    let muted = errors.enumerated("muted", body.muted.as_deref(), "as_prowler, omit, or send");
    let format = errors.enumerated("format", body.format.as_deref(), "ocsf, asff, or csv");
    let Ok(id) = id else { return Err(errors.into_error()) };
    let default = Integration::new(id);
    errors.into_result(Integration {
        enabled: body.enabled.unwrap_or(default.enabled),
        only_failed: body.only_failed.unwrap_or(default.only_failed),
        archive_previous_findings: body.archive_previous_findings.unwrap_or(default.archive_previous_findings),
        archive_scope: archive_scope.unwrap_or_default(),
        archive_limit_percent: archive_limit.unwrap_or(default.archive_limit_percent),
        absent_scans: absent_scans.unwrap_or(default.absent_scans),
        partial_scan_percent: partial_scan.unwrap_or(default.partial_scan_percent),
        resend: resend.unwrap_or_default(),
        severity_min,
        muted: muted.unwrap_or_default(),
        regions,
        fallback_region,
        scan_sources,
        format: format.unwrap_or(default.format),
        auto_accept_product: body.auto_accept_product.unwrap_or(default.auto_accept_product),
        ..default
    })
}

/// The settings that a patch can change, as a request body.
///
/// # Errors
///
/// Never: settings serialize without errors.
pub fn patchable_settings(integration: &Integration) -> Result<Value, ApiError> {
    let mut value = serde_json::to_value(integration).map_err(|error| ApiError::Malformed(error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !NOT_PATCHABLE.contains(&name.as_str()));
    }
    Ok(value)
}

/// A number within its range. None if it is missing or invalid.
fn number(field: &str, value: Option<i64>, range: RangeInclusive<i64>, errors: &mut Errors) -> Option<u8> {
    let value = value?;
    if !range.contains(&value) {
        errors.add(field, format!("must be {} to {}", range.start(), range.end()));
        return None;
    }
    u8::try_from(value).ok()
}

fn regions(body: &IntegrationBody, deployment: &Settings, errors: &mut Errors) -> Option<Vec<RegionName>> {
    let names = body.regions.as_ref()?;
    if names.is_empty() || names.len() > REGIONS_MAX {
        errors.add("regions", format!("must be 1 to {REGIONS_MAX} Regions, or omitted for every Region"));
        return None;
    }
    let known = Regions::known();
    let mut partitions = BTreeSet::new();
    let mut regions = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match region(name, deployment) {
            Ok(region) if regions.contains(&region) => errors.add(&format!("regions.{index}"), "is a duplicate"),
            Ok(region) => {
                partitions.extend(known.partition_of(region));
                regions.push(region);
            }
            Err(message) => errors.add(&format!("regions.{index}"), message),
        }
    }
    // If the deployment's partition is unknown, the checks above accept every partition.
    if partitions.len() > 1 {
        errors.add("regions", "must be in one partition: credentials are not valid across partitions");
    }
    Some(regions)
}

fn scan_sources(body: &IntegrationBody, errors: &mut Errors) -> Option<Vec<ScanSource>> {
    let bodies = body.scan_sources.as_ref()?;
    if bodies.is_empty() || bodies.len() > SOURCES_MAX {
        errors.add("scan_sources", format!("must be 1 to {SOURCES_MAX} sources, or omitted for any"));
        return None;
    }
    let mut sources: Vec<ScanSource> = Vec::new();
    for (index, ScanSourceBody { prefix, uploader_account }) in bodies.iter().enumerate() {
        let source = ScanSource { prefix: prefix.clone(), uploader_account: uploader_account.clone() };
        let field = format!("scan_sources.{index}");
        if source == ScanSource::default() {
            errors.add(&field, "must have a prefix, an uploader_account, or both");
        } else if sources.contains(&source) {
            errors.add(&field, "is a duplicate");
        }
        if !source.has_valid_prefix() {
            let form = format!("must be 1 to {PREFIX_BYTES_MAX} bytes, without braces, except in {{account_id}}");
            errors.add(&format!("{field}.prefix"), form);
        }
        if !source.has_valid_uploader() {
            errors.add(&format!("{field}.uploader_account"), "must be a 12-digit account ID, or {account_id}");
        }
        sources.push(source);
    }
    Some(sources)
}

fn fallback(
    body: &IntegrationBody,
    regions: Option<&[RegionName]>,
    deployment: &Settings,
    errors: &mut Errors,
) -> Option<RegionName> {
    let region = region(body.fallback_region.as_deref()?, deployment);
    match &region {
        Err(message) => errors.add("fallback_region", message.as_str()),
        Ok(region) if regions.is_some_and(|regions| !regions.contains(region)) => {
            errors.add("fallback_region", "must be in `regions`, if that is set");
        }
        Ok(_) => {}
    }
    region.ok()
}

/// A known Region of the deployment's partition, or the error message.
fn region(name: &str, deployment: &Settings) -> Result<RegionName, String> {
    let no_region = || format!("must be a Region name, for example {}", deployment.example_region());
    let region: RegionName = name.parse().map_err(|_| no_region())?;
    if let Some(message) = deployment.region_mismatch(region) {
        return Err(message);
    }
    Regions::known().get(region).map(|_| region).ok_or_else(no_region)
}
