//! What counts as an email address.

use std::str::FromStr;

use lettre::Address;

/// RFC 5321: a path has at most 256 octets, two of which are its angle brackets.
const MAX_BYTES: usize = 254;

/// The address, trimmed; `None` when no mail could be sent to it. Addresses are compared without case.
pub(super) fn parse(text: &str) -> Option<&str> {
    let text = text.trim();
    let plausible = text.len() <= MAX_BYTES && !text.contains(|c: char| c.is_control() || c.is_whitespace());
    let address = Address::from_str(text).ok().filter(|_| plausible)?;
    // A mail server by its number is no home of a customer's mailbox, but a favorite of those who probe networks.
    let domain = address.domain();
    let by_number = domain.starts_with('[') || domain.parse::<std::net::IpAddr>().is_ok();
    (!by_number).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_are_taken_and_trimmed() {
        assert_eq!(parse(" owner@ironmonger.test\n"), Some("owner@ironmonger.test"));
        assert!(parse("ada.lovelace+shop@mail.example.co.uk").is_some());
        assert!(parse("josé@example.com").is_some());
    }

    #[test]
    fn what_cannot_be_mailed_to_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "ada example@example.com",
            &long,
            "Ada <ada@example.com>",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@example.com,eve@example.com",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
