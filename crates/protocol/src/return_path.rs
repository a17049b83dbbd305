//! Where a browser may be sent back to after signing in: a path of the same site, in a form that every program
//! along the way reads as one. Knows no site and no route.

/// The most a return path may be long; it travels in a cookie.
pub const MAX_RETURN_PATH: usize = 1024;

/// The text if it is a path of the same site, with or without query and fragment; `None` for all that a browser,
/// a proxy or a lenient parser could take for another host, another scheme or a second header line.
pub fn same_site(text: &str) -> Option<&str> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let path = text[..end].to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    // Encoded controls and slashes too: somebody may decode once more than needed.
    let is_hidden =
        |code: &str| code.starts_with(['0', '1']) || ["2f", "5c", "7f"].iter().any(|it| code.starts_with(it));
    let is_good = text.len() <= MAX_RETURN_PATH
        && text.bytes().all(is_plain)
        && path.starts_with('/')
        && !path.contains("//")
        && !path.split('%').skip(1).any(is_hidden);
    is_good.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_of_the_same_site_is_taken_as_it_is() {
        for good in [
            "/",
            "/dashboard",
            "/a/b.c/d-e_f~g",
            "/search?q=a%2Fb&next=//other.example",
            "/app#/inbox",
            "/%C3%A9t%C3%A9",
            "/@somebody",
            "/a:b@c",
        ] {
            assert_eq!(same_site(good), Some(good));
        }
        let longest = format!("/{}", "a".repeat(MAX_RETURN_PATH - 1));
        assert!(same_site(&longest).is_some());
        assert!(same_site(&format!("{longest}a")).is_none());
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for bad in [
            "",
            "dashboard",
            "?next=/",
            "#/x",
            ".",
            "..//evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "/x?y=\\z",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie:a=b",
            "\t//evil.example",
            " /dashboard",
            "/dash board",
            "/dashboard ",
            "/\0",
            "/\u{7f}",
            "/%00",
            "/%0d%0aSet-Cookie:a=b",
            "/%09/evil.example",
            "/%7f",
            "/%2f/evil.example",
            "/%2Fevil.example",
            "/%5cevil.example",
            "/a/%5C..",
            "/.//evil.example",
            "/a//evil.example",
            "https://evil.example",
            "HTTPS://evil.example/",
            "https:/evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "evilcorp.com",
            "corp.com.evil",
            "@evil.example",
            "user@evil.example",
            "@@evil.example",
            ".evil.example",
            ":443/x",
            "/\u{e9}",
            "/\u{3000}x",
            "\u{feff}/x",
            "/\u{2044}evil.example",
            "\u{ff0f}\u{ff0f}evil.example",
        ] {
            assert_eq!(same_site(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_one_line_of_ascii_that_begins_with_one_slash(text in "[/\\\\%?#@:.a-f0-9\\r\\n\\t é]{0,24}") {
            if let Some(path) = same_site(&text) {
                prop_assert!(path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\"));
                prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
