//! The settings in the API's description. The schemas of bodies, patches,
//! and views get their fields from the declaration of the settings.

use exporter::model::integration::{IntegrationSettings, Setting, SettingKind};
use exporter::model::scan_source::SOURCES_MAX;
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{Modify, PartialSchema as _, ToSchema as _};

use crate::check::REGIONS_MAX;

/// Which schema the settings are added to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A request body. A setting that is omitted or null has its default.
    Body,
    /// A patch. A setting that is omitted is unchanged; null resets it.
    Patch,
    /// A response. Each setting is present, and null if it is not set.
    View,
}

/// Adds the settings to the schemas of an integration.
pub(super) struct SettingsSchema;

impl Modify for SettingsSchema {
    fn modify(&self, document: &mut OpenApi) {
        let Some(components) = document.components.as_mut() else { return };
        let mut referenced = Vec::new();
        IntegrationSettings::schemas(&mut referenced);
        components.schemas.extend(referenced);
        for (name, form) in
            [("IntegrationBody", Form::Body), ("IntegrationPatch", Form::Patch), ("IntegrationView", Form::View)]
        {
            if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
                object.properties.extend(properties(form));
                if form == Form::View {
                    // After `id` and `provider`.
                    object.required.splice(2..2, required());
                } else {
                    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
    }
}

/// The settings and their schemas, as the exporter declares them.
fn declared() -> Vec<(&'static Setting, RefOr<Schema>)> {
    let RefOr::T(Schema::Object(object)) = IntegrationSettings::schema() else { return Vec::new() };
    let named = object.properties.into_iter();
    named.filter_map(|(name, schema)| Some((Setting::named(&name)?, unwrapped(schema)))).collect()
}

/// Removes the wrapper that utoipa adds to a reference with a default.
fn unwrapped(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::OneOf(mut one)) if one.items.len() == 1 => one.items.remove(0),
        other => other,
    }
}

/// The properties of the settings in a schema.
fn properties(form: Form) -> impl Iterator<Item = (String, RefOr<Schema>)> {
    let defaults: Map<String, Value> = match form {
        Form::Body => IntegrationSettings::default().values().map(|(name, value)| (name.to_owned(), value)).collect(),
        Form::Patch | Form::View => Map::new(),
    };
    declared().into_iter().map(move |(setting, schema)| {
        let schema = if form == Form::View { schema } else { nullable(schema) };
        let default = defaults.get(setting.name).filter(|value| !value.is_null()).cloned();
        (setting.name.to_owned(), limited(schema, setting, default))
    })
}

/// Names of the settings that are never null.
fn required() -> Vec<String> {
    let values = IntegrationSettings::default().values().collect::<Vec<_>>();
    values.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.to_owned()).collect()
}

/// The schema, extended to allow null.
fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    let or_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::from_iter([kind, Type::Null]),
        other => other,
    };
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = or_null(object.schema_type);
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = or_null(array.schema_type);
            RefOr::T(Schema::Array(array))
        }
        reference @ RefOr::Ref(_) => {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            RefOr::T(Schema::OneOf(OneOfBuilder::new().item(null).item(reference).build()))
        }
        other @ RefOr::T(_) => other,
    }
}

/// The schema with the limits and the default of the setting.
fn limited(mut schema: RefOr<Schema>, setting: &Setting, default: Option<Value>) -> RefOr<Schema> {
    match (&mut schema, &setting.kind) {
        (RefOr::T(Schema::Object(object)), SettingKind::Integer(range)) => {
            (object.minimum, object.maximum) = (Some((*range.start()).into()), Some((*range.end()).into()));
            object.default = default;
        }
        (RefOr::T(Schema::Object(object)), _) => object.default = default,
        (RefOr::T(Schema::Array(array)), kind) => {
            let items_max = if *kind == SettingKind::Regions { REGIONS_MAX } else { SOURCES_MAX };
            (array.min_items, array.max_items) = (Some(1), Some(items_max));
            array.default = default;
        }
        (RefOr::T(Schema::OneOf(one)), _) => one.default = default,
        _ => {}
    }
    schema
}
