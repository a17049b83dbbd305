//! Takes passwords out of addresses before anybody reads them. Would rather hide too much than too little.

use std::borrow::Cow;

/// What stands for a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// `text` with the password of an address, and any parameter that looks like one, replaced.
pub(crate) fn address(text: &str) -> Cow<'_, str> {
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return misspelt(text);
    };
    let mut out = text.to_owned();
    // A password with an unescaped `@` or `/` must not show its tail: everything up to the last `@` goes.
    if let Some(end) = text.rfind('@').filter(|end| *end > start) {
        let from = text[start..end].find(':').map_or(end, |colon| start + colon + 1);
        if from < end {
            out = format!("{}{REDACTED}{}", &text[..from], &text[end..]);
        }
    }
    let Some(query) = out.find('?').map(|at| at + 1) else {
        return Cow::Owned(out);
    };
    let parameters: Vec<_> = out[query..].split('&').map(parameter).collect();
    Cow::Owned(format!("{}{}", &out[..query], parameters.join("&")))
}

/// What has no `//` may still have been meant as an address: `smtp:ann:pw@mail`, `ann:pw@db/x`.
fn misspelt(text: &str) -> Cow<'_, str> {
    match (text.find(':').map(|at| at + 1), text.rfind('@')) {
        (Some(from), Some(end)) if from < end => Cow::Owned(format!("{}{REDACTED}{}", &text[..from], &text[end..])),
        _ => Cow::Borrowed(text),
    }
}

fn parameter(pair: &str) -> Cow<'_, str> {
    let Some((name, _)) = pair.split_once('=') else {
        return Cow::Borrowed(pair);
    };
    let lower = name.to_ascii_lowercase();
    if ["pass", "secret", "token", "key"].iter().any(|word| lower.contains(word)) && lower != "sslkey" {
        Cow::Owned(format!("{name}={REDACTED}"))
    } else {
        Cow::Borrowed(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_hidden_and_nothing_else_is() {
        for (given, shown) in [
            ("postgres://ann:pw@db:5432/x?sslmode=require", "postgres://ann:[redacted]@db:5432/x?sslmode=require"),
            ("postgres://ann:p@ss/w:rd@db/x", "postgres://ann:[redacted]@db/x"),
            (
                "postgres://db/x?user=ann&password=pw&SSLPassword=b",
                "postgres://db/x?user=ann&password=[redacted]&SSLPassword=[redacted]",
            ),
            ("smtp://:pw@mail", "smtp://:[redacted]@mail"),
            ("postgres://ann@db/x", "postgres://ann@db/x"),
            ("http://[::1]:8000/a", "http://[::1]:8000/a"),
            ("sqlite:a/b.db", "sqlite:a/b.db"),
            ("é://é:é@é", "é://é:[redacted]@é"),
            ("postgres:/ann:pw@db/x", "postgres:[redacted]@db/x"),
            ("smtp:ann:pw@mail", "smtp:[redacted]@mail"),
            ("ann:p:w@mail", "ann:[redacted]@mail"),
            ("ann@mail", "ann@mail"),
        ] {
            assert_eq!(address(given), shown);
        }
    }
}
