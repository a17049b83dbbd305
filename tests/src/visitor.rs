//! Somebody with a cookie jar and no scripts: follows redirects from host to host and fills in forms.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::http::{Client, Request, Response};

/// One person's user agent.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Values by host, path and name.
    cookies: BTreeMap<(String, String, String), String>,
    /// Sent with every request, as a browser that navigates sends them.
    headers: Vec<(String, String)>,
}

/// An answer and the address it came from.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address that was asked last.
    pub url: String,
    /// What it answered.
    pub response: Response,
}

impl Visitor {
    /// A jar without cookies.
    pub fn new() -> Self {
        let headers = [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { cookies: BTreeMap::new(), headers }
    }

    /// One `GET`; redirects are not followed.
    pub fn get(&mut self, url: &str) -> Page {
        self.send(url, |client, target| client.get(target))
    }

    /// One form sent; redirects are not followed.
    pub fn post(&mut self, url: &str, fields: &[(String, String)]) -> Page {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let body = body.join("&");
        self.send(url, |client, target| client.post(target).text("application/x-www-form-urlencoded", &body))
    }

    /// Any request, with this visitor's cookies and without the headers of a navigation.
    pub fn ask(&mut self, url: &str, request: impl FnOnce(Client, &str) -> Request) -> Response {
        let headers = std::mem::take(&mut self.headers);
        let page = self.send(url, |client, target| request(client, target));
        self.headers = headers;
        page.response
    }

    /// Follows redirects from `url` until there is a page, or one leads to an address that starts with `stop`.
    #[track_caller]
    pub fn follow(&mut self, url: &str, stop: &str) -> Page {
        let page = self.get(url);
        self.follow_on(page, stop)
    }

    /// Goes on from an answer that may be a redirect.
    #[track_caller]
    pub fn follow_on(&mut self, mut page: Page, stop: &str) -> Page {
        for _ in 0..20 {
            let Some(next) = page.redirect() else { return page };
            if next.starts_with(stop) {
                page.url = next;
                return page;
            }
            page = self.get(&next);
        }
        panic!("redirects without an end: {}", page.url);
    }

    /// Fills in and sends the form of a page: its own fields, and those given.
    #[track_caller]
    pub fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let html = page.response.text();
        let form = html.find("<form").map_or_else(|| panic!("no form in {html}"), |at| &html[at..]);
        let tag = &form[..form.find('>').expect("the end of a tag")];
        let action = attribute(tag, "action").unwrap_or_default();
        let mut values: Vec<(String, String)> = Vec::new();
        for input in form[..form.find("</form").unwrap_or(form.len())].split("<input").skip(1) {
            let input = &input[..input.find('>').unwrap_or(input.len())];
            if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value")) {
                values.push((name, value));
            }
        }
        values.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        values.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(&absolute(&page.url, &action), &values)
    }

    /// The value of a cookie of `host`, whatever its path.
    pub fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        let mut found = self.cookies.iter().filter(|((at, _, known), _)| at == host && known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Puts a cookie into the jar, as somebody who stole it would.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        self.cookies.insert((host.to_owned(), "/".to_owned(), name.to_owned()), value.to_owned());
    }

    fn send(&mut self, url: &str, request: impl FnOnce(Client, &str) -> Request) -> Page {
        let (host, target) = parts(url);
        let name = host.split(':').next().unwrap_or_default().to_owned();
        let port = host.split_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
        let client = Client::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut request = request(client, target).header("Host", host);
        for (header, value) in &self.headers {
            request = request.header(header, value);
        }
        let path = target.split('?').next().unwrap_or_default();
        let covers = |scope: &str| path == scope || path.starts_with(&format!("{}/", scope.trim_end_matches('/')));
        let sent = self.cookies.iter().filter(|((at, scope, _), _)| *at == name && covers(scope));
        let sent: Vec<_> = sent.map(|((_, _, cookie), value)| format!("{cookie}={value}")).collect();
        if !sent.is_empty() {
            request = request.header("Cookie", &sent.join("; "));
        }
        let response = request.send();
        for (_, line) in response.headers.iter().filter(|(header, _)| header == "set-cookie") {
            self.keep(&name, line);
        }
        Page { url: url.to_owned(), response }
    }

    fn keep(&mut self, host: &str, line: &str) {
        let mut attributes = line.split(';').map(str::trim);
        let Some((name, value)) = attributes.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut gone) = ("/".to_owned(), value.is_empty());
        for attribute in attributes {
            match attribute.split_once('=') {
                Some((key, given)) if key.eq_ignore_ascii_case("path") => given.clone_into(&mut path),
                Some((key, age)) if key.eq_ignore_ascii_case("max-age") => gone |= age == "0",
                Some((key, date)) if key.eq_ignore_ascii_case("expires") => gone |= date.contains("1970"),
                _ => {}
            }
        }
        let key = (host.to_owned(), path, name.to_owned());
        if gone {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}

impl Page {
    /// Where the answer leads, as an absolute address.
    pub fn redirect(&self) -> Option<String> {
        let location = self.response.header("location").filter(|_| (300..400).contains(&self.response.status));
        location.map(|location| absolute(&self.url, location))
    }

    /// A parameter of the address's query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.url, name)
    }
}

/// A parameter of an address's query, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1.split('#').next()?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| decode(value))
}

/// Percent-encodes all but unreserved characters.
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = text.bytes().map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") });
    encoded.collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Host with port, and target.
#[track_caller]
fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not an address of these tests: {url}"));
    let rest = rest.split('#').next().unwrap_or_default();
    rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
}

fn absolute(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    let (host, target) = parts(base);
    let path = target.split('?').next().unwrap_or_default();
    match reference {
        "" => base.to_owned(),
        rooted if rooted.starts_with('/') => format!("http://{host}{rooted}"),
        relative => format!("http://{host}{}/{relative}", &path[..path.rfind('/').unwrap_or(0)]),
    }
}

/// The value of an attribute of an HTML tag, its entities replaced.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}="))?;
    let quote = rest.chars().next().filter(|quote| "\"'".contains(*quote))?;
    let value = rest[1..].split(quote).next()?;
    Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&amp;", "&"))
}
