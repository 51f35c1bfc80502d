//! Functions for expressions. Replace them by your own.

defacto_sdk::functions! {
    functions MyFunctions = "my_functions", version env!("CARGO_PKG_VERSION");

    /// The host of a URL, in lower case; null where there is none.
    fn host(url: String) -> Option<String> {
        let (_, rest) = url.split_once("://")?;
        let place = rest.split(['/', '?', '#']).next()?;
        let host = place.rsplit('@').next()?;
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        (!host.is_empty()).then(|| host.to_ascii_lowercase())
    }

    /// A part of a whole, in percent.
    fn percent(part: f64, whole: f64) -> Result<f64, String> {
        if whole == 0.0 {
            return Err(format!("{part} is no part of 0"));
        }
        Ok(part / whole * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_or_null() {
        assert_eq!(host("https://me@Shop.example:8080/cart?x=1".into()).as_deref(), Some("shop.example"));
        assert_eq!(host("no url".into()), None);
    }

    #[test]
    fn a_part_of_nothing_is_refused() {
        assert_eq!(percent(1.0, 4.0), Ok(25.0));
        assert!(percent(1.0, 0.0).unwrap_err().contains("no part"));
    }
}
