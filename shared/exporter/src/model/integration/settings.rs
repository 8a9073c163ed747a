//! The settings of an integration, each declared once. The table, the management API and its description, CloudFormation, the
//! files of `hubctl apply`, and the console use this declaration.

use std::ops::RangeInclusive;

use asff::{RegionName, ScanFormat, SeverityLabel};
use serde::de::MapAccess;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::values::{ArchiveScope, MutedFindings};
use crate::model::scan_source::ScanSource;
use crate::state::Resend;

/// Values of [`IntegrationSettings::absent_scans`]: the state stores the count in four bits.
pub const ABSENT_SCANS: RangeInclusive<u8> = 1..=14;
/// Values of a share, in percent.
pub const PERCENT: RangeInclusive<u8> = 0..=100;

/// A setting: its name in the table, the API, and files, and its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name in the API. CloudFormation capitalizes it, and options of hubctl have hyphens.
    pub name: &'static str,
    /// The allowed values, which determine the JSON type.
    pub kind: SettingKind,
}

/// The values of a setting, which determine its JSON type.
#[derive(Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// True or false.
    Boolean,
    /// A number in this range.
    Integer(RangeInclusive<u8>),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// The name of a Region, or null.
    Region,
    /// Names of Regions, or null.
    Regions,
    /// Sources of scans, or null.
    ScanSources,
}

impl Setting {
    /// The setting with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

/// Settings that can be read one at a time: for objects with other fields, of which unknown ones are errors.
pub trait ReadSetting {
    /// Reads the value of the setting `name`, the next value of `map`. Null resets the setting to its default. Returns false
    /// and reads nothing if the setting doesn't exist.
    ///
    /// # Errors
    ///
    /// If the value is not valid for the setting.
    fn read_setting<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Declares the settings: documentation, name, type, default, and values.
macro_rules! settings {
    ($($(#[doc = $text:literal])+ $name:ident: $type:ty = $default:expr, $kind:expr;)+) => {
        /// The settings of an integration. Every default suits most accounts.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(default)]
        pub struct IntegrationSettings {
            $($(#[doc = $text])+ pub $name: $type,)+
        }

        impl Default for IntegrationSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// All settings, in the order of files.
        pub const SETTINGS: &[Setting] = &[$(Setting { name: stringify!($name), kind: $kind },)+];

        /// The fields of an integration in bodies and files.
        pub const INTEGRATION_FIELDS: &[&str] = &["provider", $(stringify!($name),)+ "credentials"];

        impl IntegrationSettings {
            /// The names and values, in the order of [`SETTINGS`]. A setting that is not set is null.
            pub fn values(&self) -> impl Iterator<Item = (&'static str, Value)> {
                [$((stringify!($name), json!(self.$name)),)+].into_iter()
            }
        }

        impl ReadSetting for IntegrationSettings {
            fn read_setting<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
                match name {
                    $(stringify!($name) => {
                        self.$name = map.next_value::<Option<$type>>()?.unwrap_or($default);
                    })+
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

settings! {
    /// If false, uploads are recorded and can be replayed.
    enabled: bool = true, SettingKind::Boolean;
    /// Send failed findings only.
    only_failed: bool = true, SettingKind::Boolean;
    /// Findings below this severity are not sent.
    severity_min: Option<SeverityLabel> = None, SettingKind::Word(SEVERITIES);
    /// How muted findings are handled.
    muted: MutedFindings = MutedFindings::AsProwler, SettingKind::Word(MutedFindings::WORDS);
    /// Regions that may receive findings, in one partition. Null: every enabled Region.
    regions: Option<Vec<RegionName>> = None, SettingKind::Regions;
    /// Region for findings whose own Region is unavailable. If `regions` is set, it must be one of them.
    fallback_region: Option<RegionName> = None, SettingKind::Region;
    /// Authorized sources of scans. Null: any. An upload from another source changes nothing for the integration's accounts.
    scan_sources: Option<Vec<ScanSource>> = None, SettingKind::ScanSources;
    /// Prowler writes one scan in several formats; this one is exported.
    format: ScanFormat = ScanFormat::Ocsf, SettingKind::Word(FORMATS);
    /// Which findings are sent: new and changed ones plus a monthly refresh, or all findings of every scan.
    resend: Resend = Resend::Changed, SettingKind::Word(Resend::WORDS);
    /// Archive findings that a newer scan shows as resolved.
    archive_previous_findings: bool = false, SettingKind::Boolean;
    /// What a scan covers, which determines whether absent findings are archived.
    archive_scope: ArchiveScope = ArchiveScope::Full, SettingKind::Word(ArchiveScope::WORDS);
    // 50 percent: if a scan resolves half of an account, it is more likely incomplete than right.
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    archive_limit_percent: u8 = 50, SettingKind::Integer(PERCENT);
    // The scanner of one scan may have lacked a permission; two such scans in a row without any sign of it are rare.
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    absent_scans: u8 = 2, SettingKind::Integer(ABSENT_SCANS);
    // 50 percent: normally, no account loses half of its results between two scans.
    /// A scan with less than this share of the last whole scan's results or checks looks partial: absent findings are not
    /// archived. 0 disables the check.
    partial_scan_percent: u8 = 50, SettingKind::Integer(PERCENT);
    /// Accept the Prowler product in Regions in which Security Hub is enabled and doesn't accept it yet.
    auto_accept_product: bool = false, SettingKind::Boolean;
}

/// Values of [`IntegrationSettings::severity_min`].
const SEVERITIES: &[&str] = &["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
/// Values of [`IntegrationSettings::format`].
const FORMATS: &[&str] = &["ocsf", "asff", "csv"];

impl IntegrationSettings {
    /// The settings with these changes, by name. Null resets a setting that can be null.
    ///
    /// # Errors
    ///
    /// If a value is not valid for its setting.
    pub fn with_changes(&self, changes: Map<String, Value>) -> Result<Self, serde_json::Error> {
        let mut fields: Map<String, Value> = self.values().map(|(name, value)| (name.to_owned(), value)).collect();
        fields.extend(changes);
        serde_json::from_value(Value::Object(fields))
    }

    /// Serializes the settings that are set, as fields of the table's items and of files.
    ///
    /// # Errors
    ///
    /// The errors of the serializer.
    pub fn serialize_set<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.values().filter(|(_, value)| !value.is_null()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: Value) -> Result<IntegrationSettings, serde_json::Error> {
        IntegrationSettings::default().with_changes(Map::from_iter([(name.to_owned(), value)]))
    }

    #[test]
    fn each_value_of_a_setting_can_be_read() {
        for Setting { name, kind } in SETTINGS {
            let values: Vec<Value> = match kind {
                SettingKind::Boolean => vec![json!(true), json!(false)],
                SettingKind::Integer(range) => vec![json!(range.start()), json!(range.end())],
                SettingKind::Word(words) => words.iter().map(|word| json!(word)).collect(),
                SettingKind::Region => vec![json!("eu-west-1"), Value::Null],
                SettingKind::Regions => vec![json!(["eu-west-1"]), Value::Null],
                SettingKind::ScanSources => vec![json!([{ "prefix": "a/" }]), Value::Null],
            };
            for value in values {
                let settings = read(name, value.clone()).unwrap();
                let (_, value_read) = settings.values().find(|(known, _)| known == name).unwrap();
                assert_eq!(value_read, value, "{name}");
            }
            assert!(read(name, json!({ "other": 1 })).is_err(), "{name}");
            assert_eq!(Setting::named(name).map(|setting| setting.name), Some(*name));
        }
    }

    #[test]
    fn the_default_of_a_setting_is_one_of_its_values() {
        for (setting, (name, value)) in SETTINGS.iter().zip(IntegrationSettings::default().values()) {
            assert_eq!(setting.name, name);
            let is_valid = match &setting.kind {
                SettingKind::Boolean => value.is_boolean(),
                SettingKind::Integer(range) => value
                    .as_u64()
                    .is_some_and(|number| (u64::from(*range.start())..=u64::from(*range.end())).contains(&number)),
                SettingKind::Word(words) => value.is_null() || words.iter().any(|word| value == *word),
                SettingKind::Region | SettingKind::Regions | SettingKind::ScanSources => value.is_null(),
            };
            assert!(is_valid, "{name}: {value}");
        }
    }

    #[test]
    fn stored_settings_have_no_nulls_and_are_read_back_unchanged() {
        let settings =
            IntegrationSettings { severity_min: Some(SeverityLabel::High), ..IntegrationSettings::default() };
        let stored = settings.serialize_set(serde_json::value::Serializer).unwrap();
        assert_eq!((stored.get("severity_min"), stored.get("regions")), (Some(&json!("HIGH")), None));
        assert_eq!(serde_json::from_value::<IntegrationSettings>(stored).unwrap(), settings);
        assert_eq!(serde_json::from_str::<IntegrationSettings>("{}").unwrap(), IntegrationSettings::default());
    }
}
