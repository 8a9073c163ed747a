//! The types of this crate in an `OpenAPI` description: strings with a pattern.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::{AccountId, RegionName};

impl PartialSchema for AccountId {
    fn schema() -> RefOr<Schema> {
        text("An AWS account ID.", r"^[0-9]{12}$")
    }
}

impl ToSchema for AccountId {
    fn name() -> Cow<'static, str> {
        "AccountId".into()
    }
}

impl PartialSchema for RegionName {
    fn schema() -> RefOr<Schema> {
        text("The name of a Region, such as `eu-central-1`.", r"^[a-z0-9-]{1,16}$")
    }
}

impl ToSchema for RegionName {
    fn name() -> Cow<'static, str> {
        "RegionName".into()
    }
}

fn text(description: &str, pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).pattern(Some(pattern)).into()
}
