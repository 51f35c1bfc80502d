//! Where addresses are from, by the table `networks` of networks and countries.

use std::net::IpAddr;

use defacto_sdk::host::lookup;

defacto_sdk::functions! {
    functions Geo = "geo", version env!("CARGO_PKG_VERSION");

    /// The country of an address, by the smallest network of the table that it is in; null where it is in none.
    fn country(address: String) -> Result<Option<String>, String> {
        let address = read(&address)?;
        Ok(networks(address).find_map(|network| lookup("networks", &network)))
    }

    /// The network of a length that an address is in, such as `203.0.113.0/24`.
    fn network(address: String, bits: i64) -> Result<String, String> {
        let address = read(&address)?;
        match u32::try_from(bits) {
            Ok(bits) if bits <= length(address) => Ok(part(address, bits)),
            _ => Err(format!("{bits} is no length of a network of {address}")),
        }
    }
}

fn read(address: &str) -> Result<IpAddr, String> {
    address.parse().map_err(|_| format!("'{address}' is no address"))
}

/// Bits of an address.
fn length(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Every network that an address is in, the smallest first.
fn networks(address: IpAddr) -> impl Iterator<Item = String> {
    (0..=length(address)).rev().map(move |bits| part(address, bits))
}

fn part(address: IpAddr, bits: u32) -> String {
    let network = match address {
        IpAddr::V4(v4) => IpAddr::from((v4.to_bits() & mask(bits, 32) as u32).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() & mask(bits, 128)).to_be_bytes()),
    };
    format!("{network}/{bits}")
}

/// The first `bits` of `length` bits, as 1.
fn mask(bits: u32, length: u32) -> u128 {
    match length - bits {
        128 => 0,
        free => u128::MAX << free,
    }
}

#[cfg(test)]
mod tests {
    use defacto_sdk::Value;
    use defacto_sdk::testing::Functions;

    use super::*;

    #[test]
    fn the_smallest_network_counts() {
        let rows = [("10.0.0.0/8", "XA"), ("10.1.0.0/16", "XB"), ("2001:db8::/32", "XC")];
        let host = Functions::<Geo>::new().table("networks", &rows);
        for (address, country) in [("10.1.2.3", "XB"), ("10.2.0.1", "XA"), ("2001:db8::7", "XC")] {
            assert_eq!(host.call("country", &[address.into()]), Ok(Value::from(country)));
        }
        assert_eq!(host.call("country", &["192.0.2.1".into()]), Ok(Value::Null));
        assert!(host.call("country", &["nowhere".into()]).unwrap_err().contains("no address"));
    }

    #[test]
    fn networks_are_cut_at_their_length() {
        assert_eq!(network("203.0.113.77".into(), 26).as_deref(), Ok("203.0.113.64/26"));
        assert_eq!(network("203.0.113.77".into(), 0).as_deref(), Ok("0.0.0.0/0"));
        assert_eq!(network("2001:db8::7".into(), 128).as_deref(), Ok("2001:db8::7/128"));
        assert!(network("203.0.113.77".into(), 33).is_err());
    }
}
