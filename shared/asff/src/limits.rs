//! Limits of Security Hub. Every number is from its contract: the API model, the user guide, or observed error messages.
//! Lengths are in characters (Unicode code points) unless they are named bytes.

/// One finding as JSON: 240 KB (API model of `BatchImportFindings`).
pub const FINDING_BYTES_MAX: usize = 240 * 1024;
/// `Title`.
pub const TITLE_CHARS_MAX: usize = 256;
/// `Description`.
pub const DESCRIPTION_CHARS_MAX: usize = 1024;
/// `GeneratorId`.
pub const GENERATOR_ID_CHARS_MAX: usize = 512;
/// Entries of `Types`, which must be unique.
pub const TYPES_MAX: usize = 50;
/// `Remediation.Recommendation.Text`.
pub const RECOMMENDATION_CHARS_MAX: usize = 512;
/// Pairs of `ProductFields`.
pub const PRODUCT_FIELDS_MAX: usize = 50;
/// A key of `ProductFields`, and of a resource's `Tags`.
pub const KEY_CHARS_MAX: usize = 128;
/// A value of `ProductFields`.
pub const PRODUCT_FIELD_CHARS_MAX: usize = 2048;
/// `Resources[].Type`.
pub const RESOURCE_TYPE_CHARS_MAX: usize = 256;
/// `Resources[].Id` that is not an ARN. The model has no limit; this is that of other IDs.
pub const RESOURCE_ID_CHARS_MAX: usize = 512;
/// `Resources[].Id` that is an ARN.
pub const RESOURCE_ARN_CHARS_MAX: usize = 2048;
/// `Resources[].Region`.
pub const RESOURCE_REGION_CHARS_MAX: usize = 16;
/// Tags of a resource, to which AWS allows 50.
pub const TAGS_MAX: usize = 50;
/// A value of a resource's `Tags`.
pub const TAG_CHARS_MAX: usize = 256;
/// Entries of `Compliance.RelatedRequirements`.
pub const RELATED_REQUIREMENTS_MAX: usize = 32;
/// One of `Compliance.RelatedRequirements`.
pub const RELATED_REQUIREMENT_CHARS_MAX: usize = 64;
/// Entries of `Compliance.AssociatedStandards`.
pub const ASSOCIATED_STANDARDS_MAX: usize = 20;
/// `Compliance.AssociatedStandards[].StandardsId`. The contract has no limit; this is that of other IDs.
pub const STANDARDS_ID_CHARS_MAX: usize = 512;
/// Any single string: Security Hub rejects 32,768 bytes and more.
pub const TEXT_BYTES_MAX: usize = 32_767;
