//! Waiting for a condition, always with a limit.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::Error;

/// How long to wait between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(25);

/// Probes until there is an answer; the error names what was waited for when there is none within the limit.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> F,
) -> Result<T, Error> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(Error::TimedOut { what: what.to_owned(), limit, detail: String::new() });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_never_comes_is_named() {
        let error = until("the moon", Duration::from_millis(1), || async { None::<()> }).await.unwrap_err();
        assert!(error.to_string().contains("the moon"), "{error}");
    }
}
