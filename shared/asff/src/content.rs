//! The content hash, by which the next scan determines whether a finding has changed.
//!
//! It covers what users regard as the finding. It doesn't cover what changes with every scan or with the way to Security
//! Hub: all times, the record state, Prowler's version, and the product's ARN.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ResourceHash;
use crate::finding::{Compliance, Finding, FindingProviderFields, Remediation, Resource};
use crate::outcome::Mapped;

/// The product field with Prowler's version.
const VERSION_FIELD: &str = "ProviderVersion";

#[derive(Serialize)]
struct Content<'a> {
    product_fields: Vec<(&'a str, &'a str)>,
    generator_id: &'a str,
    title: &'a str,
    description: &'a str,
    resources: &'a [Resource; 1],
    compliance: &'a Compliance,
    remediation: &'a Remediation,
    finding_provider_fields: &'a FindingProviderFields,
}

impl<'a> From<&'a Finding> for Content<'a> {
    fn from(finding: &'a Finding) -> Self {
        let fields = finding.product_fields.0.iter();
        let fields = fields.filter(|(name, _)| name != VERSION_FIELD);
        Self {
            product_fields: fields.map(|(name, value)| (name.as_ref(), value.as_str())).collect(),
            generator_id: &finding.generator_id,
            title: &finding.title,
            description: &finding.description,
            resources: &finding.resources,
            compliance: &finding.compliance,
            remediation: &finding.remediation,
            finding_provider_fields: &finding.finding_provider_fields,
        }
    }
}

impl Mapped {
    /// The first 64 bits of the SHA-256 of the content. Never 0, which represents an unknown content.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        let mut bytes = Vec::with_capacity(4096);
        // Writing JSON to memory can't fail for these types; partial JSON would only cause an unnecessary update.
        let _ = serde_json::to_writer(&mut bytes, &Content::from(&self.finding));
        let digest = Sha256::digest(&bytes);
        let (head, _) = digest.split_at(8);
        head.iter().fold(0, |hash, &byte| hash << 8 | u64::from(byte)).max(1)
    }
}

impl ResourceHash {
    /// The last 32 bits, which a short ID doesn't contain. Never 0, which represents an unknown resource.
    #[must_use]
    pub fn fingerprint(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are intended")]
        let low = self.0 as u32;
        low.max(1)
    }
}
