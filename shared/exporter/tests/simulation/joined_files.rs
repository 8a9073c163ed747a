//! Files that were joined from several: what follows the part that can be read must not look like the end of the file.

use std::io::Write as _;

use exporter::report::{RunReport, RunStatus};
use zstd::zstd_safe::CParameter;

use crate::evidence::active;
use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::scan::open;
use crate::{ACCOUNT, export, integrate, world};

/// The account has 60 findings. The report of a scan whose file has 45 of them in its first part, and `rest` after that.
async fn joined(rest: impl FnOnce(&[u8]) -> Vec<u8>) -> (World, RunReport) {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("0")).await;
    world.sleep(3600).await;
    let first = zstd::encode_all(&scan(1, failed(45)).bytes()[..], 3).unwrap();
    let others = failed(60).split_off(45);
    let file = [first, rest(&scan(1, others).bytes())].concat();
    let report = export(&world, open("1", &file)).await;
    (world, report)
}

fn with_large_window(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.set_parameter(CParameter::WindowLog(27)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_part_that_can_not_be_decompressed_is_not_the_end_of_the_file() {
    let (plain, window, gzip) = ("not compressed", "a large window", "gzip");
    for what in [plain, window, gzip] {
        let (world, report) = joined(|rest| match what {
            "not compressed" => rest.to_vec(),
            "gzip" => b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(),
            _ => with_large_window(rest),
        })
        .await;
        assert_eq!((report.counts.archived, active(&world)), (0, 60), "{what}: {:?}", report.reasons);
        assert_eq!(report.status, RunStatus::Degraded, "{what}: {:?}", report.reasons);
    }
}

#[tokio::test(start_paused = true)]
async fn blanks_and_zeros_after_a_compressed_file_are_its_end() {
    for padding in [&b"\n"[..], b"\0\0\0\0\0\0\0\0", b"\r\n \n"] {
        let (world, report) = joined(|_| padding.to_vec()).await;
        assert_eq!(report.status, RunStatus::Succeeded, "{padding:?}: {:?}", report.reasons);
        assert_eq!((report.counts.archived, active(&world)), (15, 45), "{padding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_findings_is_not_a_whole_scan() {
    for page in [r#"{"NextToken": "x", "Findings": "#, r#"{"Findings": "#] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        export(&world, scan(0, failed(60)).upload("0")).await;
        world.sleep(3600).await;
        let list = String::from_utf8(scan(1, failed(45)).bytes()).unwrap();
        let end = if page.contains("NextToken") { "}" } else { r#", "NextToken": "x"}"# };
        let report = export(&world, open("1", format!("{page}{list}{end}").as_bytes())).await;
        assert_eq!((report.counts.archived, active(&world)), (0, 60), "{page}: {:?}", report.reasons);
    }
}
