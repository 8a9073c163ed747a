//! The functions as they were deployed: how large.

use anyhow::{Result, ensure};
use end_to_end::stage::Stage;

/// Bytes of a function's zip file, less than which each must be: a cold start loads all of them.
const ZIP_BYTES_BUDGET: u64 = 8_000_000;
/// Bytes that a zip file surely has, if it holds one of our programs.
const ZIP_BYTES_MIN: u64 = 1_000_000;

#[tokio::test]
async fn each_function_is_under_8_mb_zipped() -> Result<()> {
    let stage = Stage::find().await?;
    let zips = stage.function_zips()?;
    ensure!(zips.len() == 3, "{zips:?}");
    for (function, bytes) in &zips {
        ensure!(
            (ZIP_BYTES_MIN..ZIP_BYTES_BUDGET).contains(bytes),
            "{function} has {bytes} bytes zipped, of {ZIP_BYTES_BUDGET}: docs/performance.md says what they are made of"
        );
    }
    Ok(())
}
