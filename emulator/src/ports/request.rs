//! Reads request bodies, bounded in size and time.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};

use crate::errors::{ApiError, REQUEST_TIMEOUT, SERIALIZATION, TOO_LARGE};

/// Far more than any operation needs, and enough for the profiles that agents post.
const MAX_BODY: usize = 8 * 1024 * 1024;

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(TOO_LARGE.with(format!("The request body is larger than {MAX_BODY} bytes")))
        }
        Ok(Err(error)) => Err(SERIALIZATION.with(format!("The request body cannot be read: {error}"))),
        Err(_) => Err(REQUEST_TIMEOUT.with("The request body did not arrive in time")),
    }
}
