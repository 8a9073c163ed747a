//! The fields that are saved of an entry that can't be sent: those that this crate knows, and nothing else.
//!
//! A scan contains what Prowler found in a resource, such as environment variables with secrets. In a malformed file, these can
//! be anywhere, even outside of any `data` field, so fields to omit can't be identified by their names. Fields to save can.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::read::ScanFormat;
use crate::resource_tags::{is_joined, known_tags};
use crate::traces;

/// Maximum number of bytes of a number that is a time, a class, or a status.
const NUMBER_BYTES_MAX: usize = 13;
/// Maximum number of entries of a list, or pairs of a map, that are saved: as many as are mapped.
const ENTRIES_MAX: usize = 256;

/// The type of a known field.
enum Shape {
    /// A string, a number, or a literal.
    Scalar,
    /// A list of scalars, or one scalar.
    Scalars,
    /// A map from names to scalars, or to lists of scalars.
    Map,
    /// Any value, of which only the presence matters.
    Presence,
    /// An object with these fields.
    Object(&'static [(&'static str, Shape)]),
    /// A list of objects with these fields.
    List(&'static [(&'static str, Shape)]),
    /// The resources of OCSF, whose data may contain the keys of their labels.
    Labeled(&'static [(&'static str, Shape)]),
}

use Shape::{Labeled, List, Map, Object, Presence, Scalar, Scalars};

/// The OCSF fields that are mapped, and those that identify the product.
const EVENT: &[(&str, Shape)] = &[
    ("class_uid", Scalar),
    ("metadata", Object(&[("event_code", Scalar), ("product", Object(PRODUCT))])),
    ("severity", Scalar),
    ("status", Scalar),
    ("status_code", Scalar),
    ("status_detail", Scalar),
    ("status_id", Scalar),
    ("unmapped", Object(&[("compliance", Map), ("check_type", Scalars), ("provider", Scalar)])),
    ("finding_info", Object(FINDING_INFO)),
    ("resources", Labeled(RESOURCE)),
    ("cloud", Object(CLOUD)),
    ("remediation", Object(&[("desc", Scalar), ("references", Scalars)])),
    ("time", Scalar),
    ("event_time", Scalar),
    ("container", Presence),
];
const PRODUCT: &[(&str, Shape)] = &[
    ("name", Scalar),
    ("vendor_name", Scalar),
    ("uid", Scalar),
    ("feature", Object(&[("name", Scalar)])),
    ("version", Scalar),
];
const FINDING_INFO: &[(&str, Shape)] =
    &[("title", Scalar), ("types", Scalars), ("uid", Scalar), ("created_time", Scalar), ("created_time_dt", Scalar)];
const RESOURCE: &[(&str, Shape)] = &[
    ("cloud_partition", Scalar),
    ("region", Scalar),
    ("labels", Scalars),
    ("name", Scalar),
    ("namespace", Presence),
    ("type", Scalar),
    ("uid", Scalar),
];
const CLOUD: &[(&str, Shape)] = &[
    ("account", Object(&[("uid", Scalar)])),
    ("org", Object(&[("ou_uid", Scalar), ("ou_name", Scalar)])),
    ("provider", Scalar),
    ("region", Scalar),
];

/// The ASFF fields that are mapped.
const FINDING: &[(&str, Shape)] = &[
    ("SchemaVersion", Scalar),
    ("Id", Scalar),
    ("ProductArn", Scalar),
    ("RecordState", Scalar),
    ("ProductFields", Object(PRODUCT_FIELDS)),
    ("GeneratorId", Scalar),
    ("AwsAccountId", Scalar),
    ("Types", Scalars),
    ("FirstObservedAt", Scalar),
    ("UpdatedAt", Scalar),
    ("CreatedAt", Scalar),
    ("Severity", Object(&[("Label", Scalar)])),
    ("Title", Scalar),
    ("Description", Scalar),
    ("Resources", List(ASFF_RESOURCE)),
    ("Compliance", Object(COMPLIANCE)),
    ("Remediation", Object(&[("Recommendation", Object(&[("Text", Scalar), ("Url", Scalar)]))])),
    ("FindingProviderFields", Object(&[("Severity", Object(&[("Label", Scalar)])), ("Types", Scalars)])),
];
const PRODUCT_FIELDS: &[(&str, Shape)] = &[
    ("ProviderName", Scalar),
    ("ProviderVersion", Scalar),
    ("ProwlerResourceName", Scalar),
    ("ProwlerAccountOrganizationalUnitId", Scalar),
    ("ProwlerAccountOrganizationalUnitName", Scalar),
];
const ASFF_RESOURCE: &[(&str, Shape)] =
    &[("Type", Scalar), ("Id", Scalar), ("Partition", Scalar), ("Region", Scalar), ("Tags", Map)];
const COMPLIANCE: &[(&str, Shape)] =
    &[("Status", Scalar), ("RelatedRequirements", Scalars), ("AssociatedStandards", List(&[("StandardsId", Scalar)]))];

/// Names without which an object is not an entry of its format, but a part of something else.
const MARKS_OF_EVENT: [&str; 2] = ["class_uid", "metadata"];
const MARKS_OF_FINDING: [&str; 3] = ["SchemaVersion", "ProductArn", "GeneratorId"];

/// The known fields of an entry that is JSON, in its order, so that the entry can be mapped again: no field that is mapped is
/// missing, and a field with a wrong type keeps its wrong type. An entry that is not `is_whole` may be what damage left of two
/// entries, with the text of one in a field of the other. Its strings are saved if they have the format of their field, and are
/// emptied otherwise.
pub(crate) fn known_fields(entry: &str, format: ScanFormat, is_whole: bool) -> Vec<u8> {
    let (fields, marks): (_, &[&str]) = match format {
        ScanFormat::Asff => (FINDING, &MARKS_OF_FINDING),
        ScanFormat::Ocsf | ScanFormat::Csv => (EVENT, &MARKS_OF_EVENT),
    };
    let mut writer = FieldWriter { is_whole, saved: Vec::new() };
    let parsed: Result<Fields<'_>, _> = serde_json::from_str(entry);
    match parsed {
        Ok(Fields(entry)) if entry.iter().any(|(name, _)| marks.contains(&name.as_ref())) => {
            writer.object(&entry, fields);
        }
        _ => writer.push(b"{}"),
    }
    writer.saved
}

/// An object's fields, unparsed.
#[derive(Default)]
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A list's entries, unparsed. The first 255 and the last one are saved.
struct Entries<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while fields.len() < ENTRIES_MAX {
                    let Some((crate::map::shapes::Text(name), value)) = map.next_entry()? else {
                        return Ok(Fields(fields));
                    };
                    fields.push((name, value));
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Pairs).map(|fields| Self(fields.0))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = list.next_element()? {
                    // The last entry is used where the others are ignored.
                    if entries.len() == ENTRIES_MAX {
                        entries.pop();
                    }
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_seq(List).map(|entries| Self(entries.0))
    }
}

/// Writes the fields that are saved.
struct FieldWriter {
    is_whole: bool,
    saved: Vec<u8>,
}

type Named<'a> = (Cow<'a, str>, &'a RawValue);

impl FieldWriter {
    fn push(&mut self, bytes: &[u8]) {
        self.saved.extend_from_slice(bytes);
    }

    fn object(&mut self, fields: &[Named<'_>], shapes: &'static [(&'static str, Shape)]) {
        let known = fields.iter().filter_map(|(name, value)| {
            shapes.iter().find(|(known, _)| known == name).map(|(known, shape)| (*known, *value, shape))
        });
        self.push(b"{");
        self.separated(known, |writer, (name, value, shape)| {
            writer.text(name);
            writer.push(b":");
            writer.value(name, value, shape);
        });
        self.push(b"}");
    }

    fn value(&mut self, name: &str, value: &RawValue, shape: &'static Shape) {
        match (shape, first_byte(value)) {
            (Object(shapes), b'{') => self.object(&fields(value), shapes),
            (Labeled(shapes), b'[') => self.list(value, |writer, one| writer.resource(one, shapes)),
            (List(shapes), b'[') => self.list(value, |writer, one| match first_byte(one) {
                b'{' => writer.object(&fields(one), shapes),
                _ => writer.scalar("", one),
            }),
            (Scalars | Map, b'[') if self.is_whole => self.list(value, |writer, one| writer.scalar("", one)),
            (Map, b'{') if self.is_whole => {
                self.push(b"{");
                self.separated(fields(value).into_iter(), |writer, (name, value)| {
                    writer.text(&name);
                    writer.push(b":");
                    writer.value("", value, &Scalars);
                });
                self.push(b"}");
            }
            _ => self.scalar(name, value),
        }
    }

    /// A value without nested values. Of an object or a list, only the brackets are saved, so that a wrong type remains a wrong
    /// type.
    fn scalar(&mut self, name: &str, value: &RawValue) {
        let text = value.get();
        match first_byte(value) {
            b'{' => self.push(b"{}"),
            b'[' => self.push(b"[]"),
            b'"' if !self.is_whole && !traces::has_format(name, text.trim_matches('"')) => self.push(b"\"\""),
            byte if !self.is_whole && text.len() > NUMBER_BYTES_MAX && byte != b'"' => self.push(b"0"),
            _ => self.push(text.as_bytes()),
        }
    }

    fn list(&mut self, value: &RawValue, mut one: impl FnMut(&mut Self, &RawValue)) {
        let entries = serde_json::from_str::<Entries<'_>>(value.get()).map(|entries| entries.0).unwrap_or_default();
        self.push(b"[");
        self.separated(entries.into_iter(), |writer, entry| one(writer, entry));
        self.push(b"]");
    }

    /// A resource, and of its data only the tags that its labels contain anyway: they determine where a label's key ends.
    fn resource(&mut self, value: &RawValue, shapes: &'static [(&'static str, Shape)]) {
        if first_byte(value) != b'{' {
            return self.scalar("", value);
        }
        let own = fields(value);
        self.object(&own, shapes);
        let of = |wanted: &str| own.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let (true, Some(labels), Some(data)) = (self.is_whole, of("labels"), of("data")) else { return };
        let labels: Vec<Cow<'_, str>> = serde_json::from_str(labels.get()).unwrap_or_default();
        let mut shown = known_tags(data);
        shown.retain(|(key, value)| labels.iter().any(|label| is_joined(label, key, value)));
        // The tags are inserted before the closing bracket of the resource, which contains at least its labels.
        self.saved.pop();
        self.push(br#","data":{"metadata":{"tags":["#);
        self.separated(shown.iter(), |writer, (key, value)| {
            writer.push(br#"{"Key":"#);
            writer.text(key);
            writer.push(br#","Value":"#);
            writer.text(value);
            writer.push(b"}");
        });
        self.push(b"]}}}");
    }

    fn separated<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        for (place, item) in items.enumerate() {
            if place > 0 {
                self.push(b",");
            }
            write(self, item);
        }
    }

    fn text(&mut self, text: &str) {
        // Writing a string to memory can't fail.
        let _ = serde_json::to_writer(&mut self.saved, text);
    }
}

fn fields(value: &RawValue) -> Vec<Named<'_>> {
    serde_json::from_str::<Fields<'_>>(value.get()).unwrap_or_default().0
}

fn first_byte(value: &RawValue) -> u8 {
    value.get().as_bytes().first().copied().unwrap_or_default()
}
