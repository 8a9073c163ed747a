//! Prints the API's description. `make openapi` writes it to `shared/management/openapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let document = serde_json::to_string_pretty(&management::document())?;
    writeln!(std::io::stdout(), "{document}")
}
