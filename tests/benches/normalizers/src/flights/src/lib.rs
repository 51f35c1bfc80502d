//! Flights from lines with `|` between the fields: what the boundary costs, where reading a record costs little.
//!
//! ```text
//! departed|1357064700|DDL2043-JFK-20130101T1830|N318US|DL|JFK|ATL|-5|760
//! ```

use defacto_sdk::{Config, Events, Failure, Normalizer, Record, Timestamp};

defacto_sdk::normalizer! {
    normalizer Flights = "flights", version env!("CARGO_PKG_VERSION");

    event Departed = "departed" {
        flight_key: String,
        tail: String,
        carrier: String,
        origin: String,
        dest: String,
        dep_delay: Option<f64>,
    }

    event Arrived = "arrived" {
        flight_key: String,
        tail: String,
        carrier: String,
        dest: String,
        arr_delay: f64,
        distance: f64,
    }

    event Cancelled = "cancelled" { flight_key: String, tail: String, carrier: String }
}

/// The module.
pub struct Flights;

impl Normalizer for Flights {
    fn configure(_config: &Config<'_>) -> Result<Self, String> {
        Ok(Self)
    }

    fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
        let mut rest = Some(record.text()?);
        let mut next = || cut(&mut rest).ok_or_else(|| Failure::new("CUT_OFF", "too few fields"));
        let kind = next()?;
        let at = next()?.parse().ok().and_then(Timestamp::from_seconds);
        let at = at.ok_or_else(|| Failure::new("TIME", "no Unix seconds"))?;
        let (flight_key, tail) = (next()?.to_owned(), next()?.to_owned());
        let carrier = next()?.to_owned();
        let (origin, dest) = (next()?, next()?.to_owned());
        let (delay, miles) = (next()?.parse().ok(), next()?);
        match kind {
            "departed" => {
                let origin = origin.to_owned();
                events.push(
                    at,
                    Departed { flight_key, tail, carrier, origin, dest, dep_delay: delay },
                );
            }
            "arrived" => {
                let distance = miles.parse().map_err(|_| Failure::new("MILES", "no number"))?;
                let arr_delay = delay.unwrap_or(0.0);
                events.push(at, Arrived { flight_key, tail, carrier, dest, arr_delay, distance });
            }
            "cancelled" => events.push(at, Cancelled { flight_key, tail, carrier }),
            other => return Err(Failure::new("KIND", format!("'{other}' is no kind of event"))),
        }
        Ok(())
    }
}

/// The next field. Fields are short: a look at each byte takes less time than a search for the bar.
fn cut<'a>(rest: &mut Option<&'a str>) -> Option<&'a str> {
    let text = rest.take()?;
    match text.bytes().position(|byte| byte == b'|') {
        Some(at) => {
            let (field, others) = text.split_at_checked(at)?;
            *rest = others.get(1..);
            Some(field)
        }
        None => Some(text),
    }
}
