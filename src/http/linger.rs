//! A body that is left unread is read on for a moment, and thrown away.
//!
//! Who is refused before the body was read is often still sending it. If the connection were closed then, TCP would
//! reset it, and the client could lose the answer that says why. Nginx and Apache call this a lingering close.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{Method, header};
use futures_util::{Stream, StreamExt};

/// A body of so many bytes is on its way already when its head is read.
const SMALL_BYTES: u64 = 64 * 1024;
/// Who has not read the answer by then will not.
const LINGER: Duration = Duration::from_secs(5);
/// A fast sender has read the answer long before.
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// The request, whose body lingers unless it is small.
pub fn lingering(request: Request) -> Request {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let is_small =
        length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length <= SMALL_BYTES);
    if is_small || request.method() == Method::GET {
        return request;
    }
    request.map(|body| Body::from_stream(Lingering(Some(body.into_data_stream()))))
}

/// What of the body was not read yet; none once it ended.
struct Lingering(Option<BodyDataStream>);

impl Stream for Lingering {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let chunk = ready!(body.poll_next_unpin(context));
        if !matches!(chunk, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let (Some(body), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LINGER, pass_over(body)));
        }
    }
}

async fn pass_over(mut body: BodyDataStream) {
    let mut passed = 0;
    while let Some(Ok(chunk)) = body.next().await
        && passed < LINGER_BYTES
    {
        passed += chunk.len() as u64;
    }
}
