//! The files that pages load: compressed once, under addresses that change with their content.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// Characters of a content hash in an address.
const HASH_CHARS: usize = 16;
/// An address that changes with the content may be cached for as long as caches do: a year.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Name, type, and content of each file.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("console.css", "text/css; charset=utf-8", include_bytes!("../assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_bytes!("../assets/console.js")),
    ("htmx.min.js", "text/javascript; charset=utf-8", include_bytes!("../assets/vendor/htmx.min.js")),
    ("hx-sse.min.js", "text/javascript; charset=utf-8", include_bytes!("../assets/vendor/hx-sse.min.js")),
];

struct Asset {
    name: &'static str,
    kind: &'static str,
    hash: String,
    plain: &'static [u8],
    gzip: Bytes,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| FILES.into_iter().map(Asset::of).collect());

impl Asset {
    fn of((name, kind, plain): (&'static str, &'static str, &'static [u8])) -> Self {
        let digest = Sha256::digest(plain);
        let hash: String = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(HASH_CHARS).map(hex).collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory doesn't fail; without a compressed copy, the plain one is served.
        let written = encoder.write_all(plain).and_then(|()| encoder.finish());
        Self { name, kind, hash, plain, gzip: written.unwrap_or_default().into() }
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0')
}

/// The address of a file.
pub(crate) fn address(name: &str) -> String {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.map_or_else(String::new, |asset| format!("/assets/{}/{}", asset.hash, asset.name))
}

/// `GET /assets/{hash}/{file}`
pub(crate) async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_gzip = !asset.gzip.is_empty() && accepts.split(',').any(|name| name.trim().starts_with("gzip"));
    let kind = HeaderValue::from_static(asset.kind);
    let mut head = vec![(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, IMMUTABLE)];
    head.push((header::VARY, HeaderValue::from_static("accept-encoding")));
    if is_gzip {
        head.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    let head: HeaderMap = head.into_iter().collect();
    let body = if is_gzip { asset.gzip.clone() } else { Bytes::from_static(asset.plain) };
    (head, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_scripts_are_the_published_ones() {
        let sums = include_str!("../assets/vendor/SHA256SUMS");
        for (name, _, content) in &FILES[2..] {
            let digest: String =
                Sha256::digest(content).iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex).collect();
            assert!(sums.contains(&format!("{digest}  {name}")), "{name}: {digest}");
        }
    }

    #[test]
    fn assets_stay_within_their_budget() {
        let total: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(total < 26_000, "{total} bytes, compressed");
        assert!(include_str!("../assets/console.css").lines().count() < 400);
        assert!(include_str!("../assets/console.js").lines().count() < 60);
    }
}
