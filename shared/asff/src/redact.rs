//! What is kept of an entry that can't be sent: the fields that this crate knows, and nothing else.
//!
//! A scan shows what Prowler saw of a resource, such as environment variables with secrets in them. Damage can put these anywhere,
//! also where no `data` stands around them any more, so what must not leave the scan's bucket can't be told by its name. What may
//! leave it can.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::read::ScanFormat;
use crate::resource_tags::{is_joined, known_tags};
use crate::traces;

/// Bytes of a number that stands for a time, a class, or a status.
const NUMBER_BYTES_MAX: usize = 13;
/// Entries of a list, or pairs of a map, that are kept: as many as are read.
const ENTRIES_MAX: usize = 256;

/// What a known field holds.
enum Shape {
    /// A text, a number, or a word.
    Scalar,
    /// A list of these, or one of them.
    Scalars,
    /// A map of names to these, or to lists of them.
    Map,
    /// Only whether it is there.
    Presence,
    /// An object with these fields.
    Object(&'static [(&'static str, Shape)]),
    /// A list of such objects.
    List(&'static [(&'static str, Shape)]),
    /// The resources of OCSF, whose data may tell the keys of their labels.
    Labeled(&'static [(&'static str, Shape)]),
}

use Shape::{Labeled, List, Map, Object, Presence, Scalar, Scalars};

/// The fields of OCSF that are mapped, and those that tell whose finding it is.
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

/// The fields of ASFF that are mapped.
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

/// Names without which an object is no entry of its format, but a piece of something else.
const MARKS_OF_EVENT: [&str; 2] = ["class_uid", "metadata"];
const MARKS_OF_FINDING: [&str; 3] = ["SchemaVersion", "ProductArn", "GeneratorId"];

/// The known fields of an entry that is JSON, in its order, so that it can be mapped again: it lacks nothing that is mapped, and a
/// field that has the wrong type still has it. One that is not `is_whole` may be what damage left of two, with a text of one in a
/// field of the other: its texts are kept where they have the form of their field, and are empty otherwise.
pub(crate) fn known_fields(entry: &str, format: ScanFormat, is_whole: bool) -> Vec<u8> {
    let (fields, marks): (_, &[&str]) = match format {
        ScanFormat::Asff => (FINDING, &MARKS_OF_FINDING),
        ScanFormat::Ocsf | ScanFormat::Csv => (EVENT, &MARKS_OF_EVENT),
    };
    let mut keeper = Keeper { is_whole, kept: Vec::new() };
    let parsed: Result<Fields<'_>, _> = serde_json::from_str(entry);
    match parsed {
        Ok(Fields(entry)) if entry.iter().any(|(name, _)| marks.contains(&name.as_ref())) => {
            keeper.object(&entry, fields);
        }
        _ => keeper.push(b"{}"),
    }
    keeper.kept
}

/// An object's fields as they stand there.
#[derive(Default)]
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A list's entries as they stand there, of which the first 256 are kept.
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
                    // The last one counts where the others are passed over.
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

/// Writes what is kept.
struct Keeper {
    is_whole: bool,
    kept: Vec<u8>,
}

type Named<'a> = (Cow<'a, str>, &'a RawValue);

impl Keeper {
    fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    fn object(&mut self, fields: &[Named<'_>], shapes: &'static [(&'static str, Shape)]) {
        let known = fields.iter().filter_map(|(name, value)| {
            shapes.iter().find(|(known, _)| known == name).map(|(known, shape)| (*known, *value, shape))
        });
        self.push(b"{");
        self.separated(known, |keeper, (name, value, shape)| {
            keeper.text(name);
            keeper.push(b":");
            keeper.value(name, value, shape);
        });
        self.push(b"}");
    }

    fn value(&mut self, name: &str, value: &RawValue, shape: &'static Shape) {
        match (shape, first_byte(value)) {
            (Object(shapes), b'{') => self.object(&fields(value), shapes),
            (Labeled(shapes), b'[') => self.list(value, |keeper, one| keeper.resource(one, shapes)),
            (List(shapes), b'[') => self.list(value, |keeper, one| match first_byte(one) {
                b'{' => keeper.object(&fields(one), shapes),
                _ => keeper.scalar("", one),
            }),
            (Scalars | Map, b'[') if self.is_whole => self.list(value, |keeper, one| keeper.scalar("", one)),
            (Map, b'{') if self.is_whole => {
                self.push(b"{");
                self.separated(fields(value).into_iter(), |keeper, (name, value)| {
                    keeper.text(&name);
                    keeper.push(b":");
                    keeper.value("", value, &Scalars);
                });
                self.push(b"}");
            }
            _ => self.scalar(name, value),
        }
    }

    /// A value without a depth of its own. Of any other, its brackets: a wrong type stays a wrong type.
    fn scalar(&mut self, name: &str, value: &RawValue) {
        let text = value.get();
        match first_byte(value) {
            b'{' => self.push(b"{}"),
            b'[' => self.push(b"[]"),
            b'"' if !self.is_whole && !traces::has_form(name, text.trim_matches('"')) => self.push(b"\"\""),
            byte if !self.is_whole && text.len() > NUMBER_BYTES_MAX && byte != b'"' => self.push(b"0"),
            _ => self.push(text.as_bytes()),
        }
    }

    fn list(&mut self, value: &RawValue, mut one: impl FnMut(&mut Self, &RawValue)) {
        let entries = serde_json::from_str::<Entries<'_>>(value.get()).map(|entries| entries.0).unwrap_or_default();
        self.push(b"[");
        self.separated(entries.into_iter(), |keeper, entry| one(keeper, entry));
        self.push(b"]");
    }

    /// A resource, and of its data the tags that its labels show anyway: they tell where a label's key ends.
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
        // It goes before the bracket that closes the resource, which holds its labels at least.
        self.kept.pop();
        self.push(br#","data":{"metadata":{"tags":["#);
        self.separated(shown.iter(), |keeper, (key, value)| {
            keeper.push(br#"{"Key":"#);
            keeper.text(key);
            keeper.push(br#","Value":"#);
            keeper.text(value);
            keeper.push(b"}");
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
        // Writing a text to memory does not fail.
        let _ = serde_json::to_writer(&mut self.kept, text);
    }
}

fn fields(value: &RawValue) -> Vec<Named<'_>> {
    serde_json::from_str::<Fields<'_>>(value.get()).unwrap_or_default().0
}

fn first_byte(value: &RawValue) -> u8 {
    value.get().as_bytes().first().copied().unwrap_or_default()
}
