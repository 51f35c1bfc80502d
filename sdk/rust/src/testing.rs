//! A host for tests: the same calls as the engine makes, without WebAssembly.
//!
//! ```
//! # use defacto_sdk::{Config, Events, Failure, Normalizer, Record, Timestamp};
//! # defacto_sdk::normalizer! {
//! #     normalizer Shop = "shop", version "1.0.0";
//! #     event Paid = "paid" { number: String, country: Option<String> }
//! # }
//! # struct Shop;
//! # impl Normalizer for Shop {
//! #     fn configure(_: &Config<'_>) -> Result<Self, String> { Ok(Self) }
//! #     fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
//! #         let row = record.row()?;
//! #         let country = defacto_sdk::host::lookup("countries", row.require("country")?);
//! #         let number = row.require("number")?.to_owned();
//! #         events.push(Timestamp::from_seconds(0).unwrap(), Paid { number, country });
//! #         Ok(())
//! #     }
//! # }
//! use defacto_sdk::Value;
//! use defacto_sdk::testing::Host;
//!
//! let host = Host::<Shop>::new().config(r#"{"currency": "EUR"}"#).table("countries", &[("ZW", "Zimbabwe")]);
//! let results = host.rows(&[&[("number", "A-1"), ("country", "ZW")], &[("number", "A-2")]]);
//!
//! let paid = &results[0].events()[0];
//! assert_eq!(paid.get("country"), Some(&Value::Text("Zimbabwe".into())));
//! assert_eq!(results[1].failure().unwrap().field.as_deref(), Some("country"));
//! ```

mod functions;
mod host;
mod outcome;

pub use functions::Functions;
pub use host::Host;
pub(crate) use host::engine;
pub use outcome::{Made, Outcome};
