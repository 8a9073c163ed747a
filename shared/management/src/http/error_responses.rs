//! The error responses of each kind of operation, for the API's description.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::MEDIA_TYPE;

/// Description of each status.
const DESCRIPTIONS: [(u16, &str); 10] = [
    (400, "The request is malformed."),
    (404, "The resource was not found."),
    (409, "The resource already exists, is in use, or is in a state that doesn't allow the operation."),
    (412, "The resource was modified since the version in If-Match."),
    (413, "The body is too large."),
    (415, "The media type of the body is not supported."),
    (422, "Fields or parameters are invalid; each is listed in `errors`."),
    (428, "If-Match is required."),
    (500, "Internal error: the response could not be serialized."),
    (503, "A service that the API depends on failed. Retry later."),
];

/// Operations that read.
const READ: &[u16] = &[400, 404, 422, 500, 503];
/// Operations that submit a job, with an optional body.
const SUBMIT: &[u16] = &[400, 404, 409, 413, 415, 422, 500, 503];
/// Operations that create a resource.
const CREATE: &[u16] = &[400, 409, 413, 415, 422, 500, 503];
/// Operations that enable or disable a resource, with an optional `If-Match`.
const SWITCH: &[u16] = &[400, 404, 409, 412, 413, 415, 422, 500, 503];
/// Operations that delete a resource; `If-Match` is required.
const DELETE: &[u16] = &[400, 404, 409, 412, 422, 428, 500, 503];
/// Operations that change a resource by a body; `If-Match` is required.
const CHANGE: &[u16] = &[400, 404, 409, 412, 413, 415, 422, 428, 500, 503];

macro_rules! error_responses {
    ($($name:ident: $statuses:ident),* $(,)?) => {$(
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                $statuses.iter().map(|status| (status.to_string(), response(*status).into())).collect()
            }
        }
    )*};
}

error_responses!(
    ReadErrors: READ,
    SubmitErrors: SUBMIT,
    CreateErrors: CREATE,
    SwitchErrors: SWITCH,
    DeleteErrors: DELETE,
    ChangeErrors: CHANGE,
);

fn response(status: u16) -> Response {
    let description =
        DESCRIPTIONS.iter().find(|(known, _)| *known == status).map_or("", |(_, description)| description);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, problem);
    if status != 503 {
        return response.build();
    }
    let seconds = HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::Integer).build());
    let retry_after = seconds.description(Some("Seconds to wait before a retry.")).build();
    response.header("Retry-After", retry_after).build()
}
