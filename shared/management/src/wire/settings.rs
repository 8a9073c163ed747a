//! The fields of an integration in request bodies and in files. An unknown field is rejected, and the error contains its name.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use exporter::model::integration::{INTEGRATION_FIELDS, ReadSetting, Setting, SettingKind};
use exporter::model::scan_source::ScanSource;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Value, json};

/// The provider, the settings, and the credentials. The types depend on the reader: request bodies are validated later, files
/// immediately.
#[derive(Debug)]
pub struct IntegrationFields<P, S, C> {
    /// The provider.
    pub provider: P,
    /// The settings. Omitted settings have their default.
    pub settings: S,
    /// The credentials, if any.
    pub credentials: Option<C>,
}

impl<'de, P: Deserialize<'de>, S: ReadSetting + Default, C: Deserialize<'de>> IntegrationFields<P, S, C> {
    /// Reads the fields from an object.
    ///
    /// # Errors
    ///
    /// If a field is unknown or invalid, or the provider is missing.
    pub fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(PhantomData))
    }
}

struct FieldsVisitor<P, S, C>(PhantomData<(P, S, C)>);

impl<'de, P: Deserialize<'de>, S: ReadSetting + Default, C: Deserialize<'de>> Visitor<'de> for FieldsVisitor<P, S, C> {
    type Value = IntegrationFields<P, S, C>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the fields of an integration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut provider, mut settings, mut credentials) = (None, S::default(), None);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "provider" => provider = Some(map.next_value()?),
                "credentials" => credentials = map.next_value()?,
                name if settings.read_setting(name, &mut map)? => {}
                name => return Err(A::Error::unknown_field(name, INTEGRATION_FIELDS)),
            }
        }
        let provider = provider.ok_or_else(|| A::Error::missing_field("provider"))?;
        Ok(IntegrationFields { provider, settings, credentials })
    }
}

/// The settings in a request body. Each value has the JSON type of its setting, but is not validated yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingValues(BTreeMap<&'static str, Value>);

impl SettingValues {
    /// The value of a setting. `None` if the setting is omitted or null.
    pub fn get(&self, setting: &Setting) -> Option<&Value> {
        self.0.get(setting.name).filter(|value| !value.is_null())
    }
}

impl ReadSetting for SettingValues {
    fn read_setting<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let Some(setting) = Setting::named(name) else { return Ok(false) };
        let value = match setting.kind {
            SettingKind::Boolean => json!(map.next_value::<Option<bool>>()?),
            SettingKind::Integer(_) => json!(map.next_value::<Option<i64>>()?),
            SettingKind::Word(_) | SettingKind::Region => json!(map.next_value::<Option<String>>()?),
            SettingKind::Regions => json!(map.next_value::<Option<Vec<String>>>()?),
            SettingKind::ScanSources => json!(map.next_value::<Option<Vec<ScanSource>>>()?),
        };
        self.0.insert(setting.name, value);
        Ok(true)
    }
}
