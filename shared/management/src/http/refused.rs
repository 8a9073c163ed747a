//! Which refusals each kind of request may meet, for the API's description.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::MEDIA_TYPE;

/// What each status says.
const WORDS: [(u16, &str); 10] = [
    (400, "The request can't be read."),
    (404, "There is no such thing."),
    (409, "There is one already, it is in use, or it does not allow this now."),
    (412, "It was changed since the version that If-Match names."),
    (413, "The body is too large."),
    (415, "The body is of another kind."),
    (422, "Fields or parameters are not what they must be; each is named."),
    (428, "If-Match is missing."),
    (500, "The answer could not be written."),
    (503, "Something that the API relies on failed. Try again later."),
];

/// Whatever looks at something.
const READ: &[u16] = &[400, 404, 422, 500, 503];
/// Whatever submits a job.
const ACT: &[u16] = &[400, 404, 409, 422, 500, 503];
/// Approvals, which may name what is approved in a body.
const APPROVE: &[u16] = &[400, 404, 409, 413, 415, 422, 500, 503];
/// Whatever creates something.
const CREATE: &[u16] = &[400, 409, 413, 415, 422, 500, 503];
/// Whatever switches something, perhaps in the version that it names.
const SWITCH: &[u16] = &[400, 404, 409, 412, 422, 500, 503];
/// Whatever deletes something, in the version that it names.
const DELETE: &[u16] = &[400, 404, 409, 412, 422, 428, 500, 503];
/// Whatever changes something by a body, in the version that it names.
const CHANGE: &[u16] = &[400, 404, 409, 412, 413, 415, 422, 428, 500, 503];

macro_rules! refused {
    ($($name:ident: $statuses:ident),* $(,)?) => {$(
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                $statuses.iter().map(|status| (status.to_string(), response(*status).into())).collect()
            }
        }
    )*};
}

refused!(
    ReadRefused: READ,
    ActRefused: ACT,
    ApproveRefused: APPROVE,
    CreateRefused: CREATE,
    SwitchRefused: SWITCH,
    DeleteRefused: DELETE,
    ChangeRefused: CHANGE,
);

fn response(status: u16) -> Response {
    let words = WORDS.iter().find(|(known, _)| *known == status).map_or("", |(_, words)| words);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(words).content(MEDIA_TYPE, problem);
    if status != 503 {
        return response.build();
    }
    let seconds = HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::Integer).build());
    let retry_after = seconds.description(Some("Seconds after which to try again.")).build();
    response.header("Retry-After", retry_after).build()
}
