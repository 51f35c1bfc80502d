use serde::Deserialize;

use crate::{Events, Failure, Record};

/// Raw records to events.
///
/// Together with [`normalizer!`](crate::normalizer) this is a whole module.
pub trait Normalizer: Sized {
    /// Reads what the source gives as `config`. A normalizer without settings returns itself.
    ///
    /// It is called once for each configuration that an instance meets, not for each batch.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration. The definitions are refused with this sentence.
    fn configure(config: &Config<'_>) -> Result<Self, String>;

    /// Pushes the events of one record, any number, or says why there are none.
    ///
    /// # Errors
    ///
    /// A [`Failure`]. Events that were pushed before it are dropped.
    fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure>;
}

/// What a source gives as `config`, as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config<'a> {
    text: &'a str,
}

impl<'a> Config<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The JSON text. `{}` when the source gives none.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The configuration as a type of your own.
    ///
    /// ```
    /// use defacto_sdk::{Config, Events, Failure, Normalizer, Record};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// #[serde(deny_unknown_fields)]
    /// struct Bank {
    ///     #[serde(default = "euro")]
    ///     currency: String,
    /// }
    ///
    /// fn euro() -> String {
    ///     "EUR".into()
    /// }
    ///
    /// # defacto_sdk::normalizer! { normalizer Bank = "bank", version "1.0.0"; }
    /// impl Normalizer for Bank {
    ///     fn configure(config: &Config<'_>) -> Result<Self, String> {
    ///         config.parse()
    ///     }
    /// #   fn normalize(&self, _: Record<'_>, _: &mut Events) -> Result<(), Failure> { Ok(()) }
    /// }
    ///
    /// let refused = defacto_sdk::testing::Host::<Bank>::new().config(r#"{"curency": "USD"}"#).describe();
    /// assert!(refused.unwrap_err().contains("curency"));
    /// ```
    ///
    /// # Errors
    ///
    /// What serde says of it.
    pub fn parse<T: Deserialize<'a>>(&self) -> Result<T, String> {
        serde_json::from_str(self.text).map_err(|e| format!("config: {e}"))
    }
}
