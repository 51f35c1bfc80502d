//! One pipeline's work, over and over, and how patient to be with it when it fails.

use std::time::{Duration, Instant};

use defacto_model::Timestamp;
use defacto_pipeline::{AsOf, BuildOptions, Pipeline};

use crate::{Error, log};

/// First and longest pause after a round that failed; each further one doubles it.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// When rules ran last, and how often in a row a round failed.
#[derive(Debug)]
pub(crate) struct Desk {
    interval: Duration,
    ticked: Option<Instant>,
    failures: u32,
    failed: Option<Instant>,
}

impl Desk {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, ticked: None, failures: 0, failed: None }
    }

    /// Applies what has arrived and runs rules if it is time; whether anything had arrived.
    ///
    /// # Errors
    ///
    /// What module and store say. What is committed stays, and the next round goes on from there.
    pub(crate) async fn round(&mut self, pipeline: &mut Pipeline) -> Result<bool, Error> {
        let behind = pipeline.behind().await?;
        if behind {
            let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
            log::built(&pipeline.build(options).await?);
        }
        let tick = self.ticked.is_none_or(|at| at.elapsed() >= self.interval);
        if tick {
            self.ticked = Some(Instant::now());
            let none: Option<Timestamp> = None;
            log::ticked(&pipeline.tick(none).await?);
        }
        log::round(pipeline, behind, tick);
        (self.failures, self.failed) = (0, None);
        Ok(behind)
    }

    /// Notes that a round failed; how many have in a row.
    pub(crate) fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failed = Some(Instant::now());
        self.failures
    }

    /// How long to wait for the next round after those that failed.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
        let pause = PAUSES.0.saturating_mul(doubled).min(PAUSES.1);
        pause.checked_sub(self.failed?.elapsed())
    }
}
