//! A form with a file that is read while it arrives: it is never stored, and only a few chunks of it are in memory.

use std::io;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use exporter::model::upload::UploadInfo;
use exporter::ports::Scan;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, future};
use tokio::sync::mpsc;

use crate::form::Form;
use crate::view::text::harmless;

/// Maximum size of a file in bytes, six times the largest known scan.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// Maximum size of all other fields together, in bytes.
const FIELDS_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of chunks that are received ahead of the reader. The connection reads at most about 400 KB per chunk.
const CHUNKS_AHEAD: usize = 4;
/// Maximum length of a file name, in characters. Longer names are truncated.
const NAME_CHARS_MAX: usize = 255;
/// The field with the file.
const FILE: &str = "scan";

/// The reason why a form was rejected.
pub(crate) type Rejection = (StatusCode, String);

/// A form with a file, before it is received.
pub(crate) struct Upload(Multipart);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let mut request = request.map(|body| Body::from_stream(paced(body.into_data_stream())));
        // The fields and the file have separate limits.
        DefaultBodyLimit::disable().apply(&mut request);
        let form = Multipart::from_request(request, state).await;
        form.map(Self).map_err(|error| (error.status(), error.body_text()))
    }
}

/// A part of a file. Only `End` is its end: a connection that is lost must not look like the end of a shorter file.
enum Part {
    Bytes(Bytes),
    End,
}

impl Upload {
    /// Receives the form. Its file, if there is one, is passed to `read`.
    pub(crate) async fn receive<T, F: Future<Output = T>>(
        mut self,
        read: impl FnOnce(Scan) -> F,
    ) -> Result<(Form, Option<T>), Rejection> {
        let (mut fields, mut bytes, mut read, mut result) = (Vec::new(), 0, Some(read), None);
        while let Some(mut field) = self.0.next_field().await.map_err(|error| rejection(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == FILE {
                let file = field.file_name().map(file_name).filter(|name| !name.is_empty());
                let (Some(file), Some(read)) = (file, read.take()) else { continue };
                let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
                let info = UploadInfo { source: file, ..UploadInfo::default() };
                let work = read(Scan { info, body: content(receiver) });
                let (received, done) = tokio::join!(pass(&mut field, sender), work);
                received?;
                result = Some(done);
                continue;
            }
            let value = text(&mut field, FIELDS_BYTES_MAX - bytes).await?;
            bytes += value.len();
            fields.push((name, value));
        }
        Ok((Form::from_fields(fields), result))
    }
}

/// The file name without directories.
fn file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    harmless(&name.chars().take(NAME_CHARS_MAX).collect::<String>())
}

/// Passes on one chunk per poll: the parser reads until no chunk is ready, and keeps all of them in memory. The end of the stream
/// is also separate: the parser rejects a form whose first boundary arrives together with the end (multer 3.1).
fn paced<T: Send>(chunks: impl Stream<Item = T> + Send) -> impl Stream<Item = T> + Send {
    let with_end = chunks.map(Some).chain(stream::once(future::ready(None)));
    let one_at_a_time = with_end.then(|chunk| async {
        tokio::task::yield_now().await;
        chunk
    });
    one_at_a_time.filter_map(future::ready)
}

fn rejection(error: &MultipartError) -> Rejection {
    (error.status(), error.body_text())
}

/// A field that isn't a file.
async fn text(field: &mut Field<'_>, bytes_max: usize) -> Result<String, Rejection> {
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| rejection(&error))? {
        if value.len() + chunk.len() > bytes_max {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "The form is larger than 64 KiB.".to_owned()));
        }
        value.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&value).into_owned())
}

/// Passes a file to its reader. After the reader ends, the rest of the file is received and discarded, so that the browser reads the
/// response.
async fn pass(field: &mut Field<'_>, sender: mpsc::Sender<Part>) -> Result<(), Rejection> {
    let mut bytes = 0;
    while let Some(chunk) = field.chunk().await.map_err(|error| rejection(&error))? {
        bytes += chunk.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than 4 GiB.".to_owned()));
        }
        let _ = sender.send(Part::Bytes(chunk)).await;
    }
    let _ = sender.send(Part::End).await;
    Ok(())
}

/// The stream from which the reader gets the file.
fn content(receiver: mpsc::Receiver<Part>) -> BoxStream<'static, io::Result<Bytes>> {
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Part::End) => None,
            None => Some((Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload was interrupted")), None)),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::header;
    use futures::TryStreamExt as _;

    use super::*;

    const HEAD: &str = "--x\r\ncontent-disposition: form-data; name=\"events\"\r\n\r\n7\r\n--x\r\ncontent-disposition: form-data; \
                        name=\"scan\"; filename=\"C:\\\\a\\\\sc\u{202e}an.json\"\r\n\r\n";
    const TAIL: &str = "\r\n--x--\r\n";

    async fn upload(body: Body) -> Upload {
        let request = Request::post("/").header(header::CONTENT_TYPE, "multipart/form-data; boundary=x").body(body);
        Upload::from_request(request.unwrap(), &()).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_is_read_whole_and_its_name_is_harmless() {
        let form = upload(Body::from(format!("{HEAD}content{TAIL}"))).await;
        let received = form.receive(async |scan: Scan| {
            let bytes: Vec<Bytes> = scan.body.try_collect().await.unwrap();
            (scan.info.source, bytes.concat())
        });
        let (fields, file) = received.await.unwrap();
        assert_eq!(fields.get("events"), "7");
        assert_eq!(file, Some(("sc\u{fffd}an.json".to_owned(), b"content".to_vec())));
    }

    #[tokio::test]
    async fn an_interrupted_upload_is_not_the_end_of_a_file() {
        for cut in ["", "content", "content\r\n--"] {
            let form = upload(Body::from(format!("{HEAD}{cut}"))).await;
            let read = Arc::new(std::sync::Mutex::new(None));
            let seen = read.clone();
            let received = form.receive(async |scan: Scan| {
                *seen.lock().unwrap() = Some(scan.body.try_collect::<Vec<_>>().await.is_err());
            });
            assert!(received.await.is_err(), "{cut}");
            assert_eq!(*read.lock().unwrap(), Some(true), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_read_slowly_stays_with_the_browser() {
        const CHUNKS: usize = 1_000;
        let given = Arc::new(AtomicUsize::new(0));
        let counter = given.clone();
        let chunks = (0..CHUNKS).map(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            vec![b'x'; 64 * 1024]
        });
        let all = std::iter::once(HEAD.as_bytes().to_vec()).chain(chunks).chain([TAIL.as_bytes().to_vec()]);
        let form = upload(Body::from_stream(stream::iter(all.map(Ok::<_, io::Error>)))).await;
        let received = form.receive(async |mut scan: Scan| {
            let (mut bytes, mut ahead_max) = (0, 0);
            while let Some(chunk) = scan.body.try_next().await.unwrap() {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                bytes += chunk.len();
                ahead_max = ahead_max.max(given.load(Ordering::Relaxed) - bytes / (64 * 1024));
            }
            (bytes, ahead_max)
        });
        let (bytes, ahead_max) = received.await.unwrap().1.unwrap();
        assert_eq!(bytes, CHUNKS * 64 * 1024);
        assert!(ahead_max <= 2 * CHUNKS_AHEAD, "{ahead_max} chunks were in memory");
    }

    #[tokio::test]
    async fn fields_are_bounded_and_a_form_without_a_file_has_none() {
        let field = |length: usize| {
            format!("--x\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\n{}{TAIL}", "k".repeat(length))
        };
        let read = async |_: Scan| unreachable!("no file");
        let (fields, file) = upload(Body::from(field(9))).await.receive(read).await.unwrap();
        assert_eq!((fields.get("key"), file.is_none()), ("kkkkkkkkk", true));
        let error = upload(Body::from(field(FIELDS_BYTES_MAX + 1))).await.receive(read).await.err().unwrap();
        assert_eq!(error.0, StatusCode::PAYLOAD_TOO_LARGE);
        let empty = field(1).replace("name=\"key\"", "name=\"scan\"; filename=\"\"");
        assert!(upload(Body::from(empty)).await.receive(read).await.unwrap().1.is_none(), "no file was chosen");
    }
}
