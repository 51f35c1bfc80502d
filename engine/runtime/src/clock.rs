use std::time::SystemTime;

use defacto_model::Timestamp;
use defacto_ports::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::saturating_from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
