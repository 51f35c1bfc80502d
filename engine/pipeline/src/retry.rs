use std::time::Duration;

use crate::{Error, Pipeline};

/// How often an operation is tried in all.
const ATTEMPTS: u32 = 5;
/// First and longest pause before another attempt.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Does an operation on the whole namespace, and again after what passes. The operation must find by itself that an earlier
/// attempt, whose commit nobody heard of, has done it.
macro_rules! on_the_whole {
    ($pipeline:ident, $operation:expr) => {{
        let mut attempts = $crate::retry::Attempts::default();
        $pipeline.enroll().await?;
        loop {
            let done = match $pipeline.start(true).await {
                Ok(whole) => {
                    let result = $operation.await;
                    $pipeline.end(whole, result).await
                }
                Err(error) => Err(error),
            };
            match done {
                Err(error) => $pipeline.again(error, &mut attempts).await?,
                done => break done,
            }
        }
    }};
}
pub(crate) use on_the_whole;

/// Attempts at one batch: transactions that were in each other's way, a connection that was lost. A batch is one
/// transaction and idempotent, so that it may be tried again even when nobody knows whether its commit arrived.
#[derive(Debug, Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Whether to try again after an error; waits before saying so, and forgets what the failed attempt made of the
    /// pipeline's memory.
    ///
    /// # Errors
    ///
    /// What the store says when it is asked where the version stands.
    pub(crate) async fn again(
        &mut self,
        pipeline: &mut Pipeline,
        error: &Error,
    ) -> Result<bool, Error> {
        self.0 += 1;
        let passing =
            matches!(error, Error::Port(defacto_ports::Error::Storage { retry: true, .. }));
        if !passing || self.0 >= ATTEMPTS {
            return Ok(false);
        }
        tracing::debug!(target: "defacto.storage", %error, attempt = self.0, "trying again");
        let pause = PAUSES.0.saturating_mul(4_u32.saturating_pow(self.0.saturating_sub(1)));
        tokio::time::sleep(pause.min(PAUSES.1)).await;
        pipeline.load().await?;
        Ok(true)
    }
}
