//! An address as text, for the lines and headers of every request: what formats for people costs as much there as all
//! else that is written.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Appends an address as [`IpAddr`]'s own `Display` writes it.
pub fn push(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "." });
                text.push_str(itoa::Buffer::new().format(octet));
            }
        }
        IpAddr::V6(address) => {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{address}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_reads_as_the_library_writes_it(address: IpAddr) {
            let mut text = String::from("for=");
            push(&mut text, address);
            prop_assert_eq!(text, format!("for={address}"));
        }
    }
}
