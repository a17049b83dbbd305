//! The judgement of one request head, byte by byte: may it be served, and where does its body end.
//!
//! Stricter than the HTTP library behind it: whatever two readers of the same bytes could take for
//! different requests is refused. Pure; knows no socket and no service.

use memchr::{memchr, memchr_iter};

use super::grammar::{PATH, QUERY, are_all, has_control, is_host, is_token, parse_length, trim};
use super::refusal::Refusal;

/// Longest request target served.
const TARGET_BYTES: usize = 8 * 1024;
/// Longest method name served; no registered one comes near.
pub(super) const METHOD_BYTES: usize = 32;

/// How the body that follows a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Exactly so many bytes; none when the head announces no body.
    Length(u64),
    /// Chunks until the empty one.
    Chunked,
    /// No body, and perhaps no more HTTP: the client asks to go on as a WebSocket.
    Upgrade,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// Finds the end of the head that `bytes` begins with: the length of the head with its empty line.
///
/// `scanned` bytes are known to hold no end. A line that ends in a bare LF is refused here, because
/// a client that sends such lines may never send what would count as an end.
pub(super) fn find_end(bytes: &[u8], scanned: usize) -> Result<Option<usize>, Refusal> {
    for at in memchr_iter(b'\n', &bytes[scanned..]) {
        let line = &bytes[..scanned + at];
        let Some(text) = line.strip_suffix(b"\r") else {
            return Err(Refusal::BareLineFeed);
        };
        if text.ends_with(b"\r\n") {
            return Ok(Some(line.len() + 1));
        }
    }
    Ok(None)
}

/// Judges a whole head, its empty line included, and says how its body is framed.
pub(super) fn judge(head: &[u8], most_fields: usize) -> Result<Framing, Refusal> {
    // One empty line before a request is tolerated, as RFC 9112, section 2.2 advises.
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let (request_line, mut rest) = split_line(head)?;
    let (is_get, version) = judge_request_line(request_line)?;
    let mut fields = Fields::default();
    let mut count = 0;
    loop {
        let (line, following) = split_line(rest)?;
        if line.is_empty() {
            let framing = fields.framing(version)?;
            let upgrades = is_get && version == Version::Http11 && fields.ask_for_websocket();
            return Ok(if upgrades { Framing::Upgrade } else { framing });
        }
        count += 1;
        if count > most_fields {
            return Err(Refusal::TooManyFields);
        }
        fields.read(line)?;
        rest = following;
    }
}

/// The first line without its end, and what follows it.
fn split_line(bytes: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let end = memchr(b'\n', bytes).ok_or(Refusal::RequestLine)?;
    let line = bytes[..end].strip_suffix(b"\r").ok_or(Refusal::BareLineFeed)?;
    Ok((line, &bytes[end + 1..]))
}

/// Whether the method is GET, and the version.
fn judge_request_line(line: &[u8]) -> Result<(bool, Version), Refusal> {
    if has_control(line) {
        return Err(Refusal::ControlByte);
    }
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::RequestLine);
    };
    if method.len() > METHOD_BYTES || !is_token(method) {
        return Err(Refusal::RequestLine);
    }
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        other if other.starts_with(b"HTTP/") => return Err(Refusal::Version),
        _ => return Err(Refusal::RequestLine),
    };
    judge_target(method, target)?;
    Ok((method == b"GET", version))
}

pub(super) fn judge_target(method: &[u8], target: &[u8]) -> Result<(), Refusal> {
    if method == b"CONNECT" {
        return Err(Refusal::Connect);
    }
    if target.len() > TARGET_BYTES {
        return Err(Refusal::TargetTooLong);
    }
    if memchr(b'#', target).is_some() {
        return Err(Refusal::Fragment);
    }
    let query_at = memchr(b'?', target).unwrap_or(target.len());
    let (path, query) = target.split_at(query_at);
    if !are_all(path, PATH) || !are_all(query, QUERY) {
        return Err(Refusal::TargetByte);
    }
    if path.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
        return Ok(());
    }
    Err(Refusal::TargetForm)
}

/// What the header lines read so far say about framing and addressing.
#[derive(Default)]
struct Fields {
    seen: u8,
    length: u64,
    connection_upgrade: bool,
    /// How many headers say `Upgrade`, and whether the last says `websocket`.
    upgrades: u16,
    websocket: bool,
}

/// Headers of which a second line would let two readers see two requests.
mod once {
    pub(super) const HOST: u8 = 1;
    pub(super) const CONTENT_LENGTH: u8 = 1 << 1;
    pub(super) const TRANSFER_ENCODING: u8 = 1 << 2;
    pub(super) const EXPECT: u8 = 1 << 3;
    pub(super) const AUTHORIZATION: u8 = 1 << 4;
    pub(super) const CONTENT_TYPE: u8 = 1 << 5;
    pub(super) const COOKIE: u8 = 1 << 6;
    pub(super) const ORIGIN: u8 = 1 << 7;
}

impl Fields {
    fn read(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Refusal::FoldedLine);
        }
        if has_control(line) {
            return Err(Refusal::ControlByte);
        }
        let colon = memchr(b':', line).ok_or(Refusal::FieldName)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return Err(Refusal::FieldName);
        }
        let value = trim(value);
        if name.eq_ignore_ascii_case(b"host") {
            self.once(once::HOST)?;
            return if is_host(value) { Ok(()) } else { Err(Refusal::Host) };
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            self.once(once::CONTENT_LENGTH)?;
            self.length = parse_length(value).ok_or(Refusal::ContentLength)?;
            return Ok(());
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.once(once::TRANSFER_ENCODING).map_err(|_| Refusal::TransferEncoding)?;
            return if value.eq_ignore_ascii_case(b"chunked") { Ok(()) } else { Err(Refusal::TransferEncoding) };
        }
        if name.eq_ignore_ascii_case(b"expect") {
            self.once(once::EXPECT)?;
            return if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err(Refusal::Expectation) };
        }
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrades += 1;
                self.websocket = value.eq_ignore_ascii_case(b"websocket");
                Ok(())
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                let mut options = value.split(|&byte| byte == b',').map(trim);
                self.connection_upgrade |= options.any(|option| option.eq_ignore_ascii_case(b"upgrade"));
                Ok(())
            }
            6 if name.eq_ignore_ascii_case(b"cookie") => self.once(once::COOKIE),
            6 if name.eq_ignore_ascii_case(b"origin") => self.once(once::ORIGIN),
            12 if name.eq_ignore_ascii_case(b"content-type") => self.once(once::CONTENT_TYPE),
            13 if name.eq_ignore_ascii_case(b"authorization") => self.once(once::AUTHORIZATION),
            _ => Ok(()),
        }
    }

    fn once(&mut self, field: u8) -> Result<(), Refusal> {
        if self.has(field) {
            return Err(Refusal::RepeatedField);
        }
        self.seen |= field;
        Ok(())
    }

    fn has(&self, field: u8) -> bool {
        self.seen & field != 0
    }

    /// Whether the client asks for a WebSocket and nothing else, before any body.
    fn ask_for_websocket(&self) -> bool {
        let has_body = self.has(once::CONTENT_LENGTH | once::TRANSFER_ENCODING);
        self.websocket && self.upgrades == 1 && self.connection_upgrade && !has_body
    }

    fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        if version == Version::Http11 && !self.has(once::HOST) {
            return Err(Refusal::MissingHost);
        }
        if !self.has(once::TRANSFER_ENCODING) {
            return Ok(Framing::Length(self.length));
        }
        if self.has(once::CONTENT_LENGTH) {
            return Err(Refusal::TwoFramings);
        }
        if version == Version::Http10 {
            return Err(Refusal::TransferEncoding);
        }
        Ok(Framing::Chunked)
    }
}

#[cfg(test)]
mod tests;
