use crate::Failure;

impl Failure {
    /// A failure of a code (a letter, then up to 31 letters, digits, `-` and `_`) with a sentence that names the value.
    ///
    /// ```
    /// use defacto_sdk::Failure;
    ///
    /// let failure = Failure::new("BAD_VALUE", "'much' is no number").in_field("value");
    /// assert_eq!(failure.field.as_deref(), Some("value"));
    /// ```
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), field: None, message: message.into() }
    }

    /// The same failure, with the field at fault.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
