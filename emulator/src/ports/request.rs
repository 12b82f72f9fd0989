//! Reads request bodies, bounded in size and time.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};

use crate::errors::{ApiError, REQUEST_TIMEOUT, SERIALIZATION, TOO_LARGE};

/// Far more than any operation needs, and enough for the profiles that agents post.
const MAX_BODY: usize = 8 * 1024 * 1024;

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub async fn read<B>(body: B) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(TOO_LARGE.with(format!("The request body is larger than {MAX_BODY} bytes")))
        }
        Ok(Err(error)) => Err(SERIALIZATION.with(format!("The request body cannot be read: {error}"))),
        Err(_) => Err(REQUEST_TIMEOUT.with("The request body did not arrive in time")),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::{self, StreamExt};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A part of this size after each pause, for ever.
    fn endless(size: usize, pause: Duration) -> impl Body<Data = Bytes, Error = std::io::Error> {
        StreamBody::new(Box::pin(stream::repeat(()).then(move |()| async move {
            sleep(pause).await;
            Ok(Frame::data(Bytes::from(vec![b' '; size])))
        })))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_in_drops_is_cut_off() {
        let start = Instant::now();
        let error = read(endless(1, Duration::from_secs(1))).await.unwrap_err();
        assert_eq!((error.status, start.elapsed()), (408, BODY_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_large_is_not_read_to_its_end() {
        let start = Instant::now();
        let error = read(endless(MAX_BODY / 4, Duration::from_secs(1))).await.unwrap_err();
        assert_eq!((error.status, start.elapsed().as_secs()), (413, 5));
    }
}
