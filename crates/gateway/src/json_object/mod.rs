//! One member of a JSON object set, and every other byte left alone.
//!
//! The text is checked as a whole (RFC 8259, UTF-8, bounded depth, no recursion), and of the outermost object every
//! name is read as it is meant, escapes and all: two of one name would let two readers disagree, so they are refused.
//! Knows nothing of requests.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// How deep arrays and objects may lie in each other, the outermost object included.
pub(crate) const MAX_DEPTH: u32 = 64;
/// The most members of the outermost object; each is remembered while the text is read.
pub(crate) const MAX_MEMBERS: usize = 10_000;

/// Why a member cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    Encoding,
    /// Not JSON.
    #[error("the body is not valid JSON (at byte {at})")]
    Malformed {
        /// Where that shows.
        at: usize,
    },
    /// JSON, but something else than an object.
    #[error("the body must be a JSON object")]
    OtherValue,
    /// Arrays and objects too deep in each other.
    #[error("the body is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Two members of one name.
    #[error("the body has two members of the same name")]
    Duplicate,
    /// More members than anybody has use for.
    #[error("the body has more than {MAX_MEMBERS} members")]
    TooManyMembers,
}

/// The object with its member `name` set to the text `value`, or without it if there is none.
///
/// The member comes first. One that was there goes, with the comma that parted it from its neighbour; so does one
/// that differs in letter case alone, for many readers match names without it and believe the last.
pub(crate) fn with_member(json: &[u8], name: &str, value: Option<&str>) -> Result<Vec<u8>, NotAnObject> {
    let text = std::str::from_utf8(json).map_err(|_| NotAnObject::Encoding)?;
    let object = Scanner { text, at: 0 }.object(name)?;
    let (before, after) = object.own.map_or((object.begin, object.begin), |own| (own.start, own.end));
    let mut out = Vec::with_capacity(text.len() + name.len() + value.map_or(0, str::len) + 8);
    out.extend_from_slice(&json[..object.begin]);
    if let Some(value) = value {
        push_text(&mut out, name);
        out.push(b':');
        push_text(&mut out, value);
        if object.has_others {
            out.push(b',');
        }
    }
    out.extend_from_slice(&json[object.begin..before]);
    out.extend_from_slice(&json[after..]);
    Ok(out)
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    // `Value` writes a text as JSON and cannot fail.
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

/// Whether some reader takes `key` for `name`: letter case is folded as widely as any does (`ſ` is an s).
fn is_read_as(key: &str, name: &str) -> bool {
    folded(key).eq(folded(name))
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// What was found out about the outermost object.
struct Object {
    /// Behind its `{`.
    begin: usize,
    /// The member asked for, with one comma if it has a neighbour.
    own: Option<Range<usize>>,
    /// Whether it has members beside that.
    has_others: bool,
}

/// What opens and closes the one kind of value that holds others, and the other.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Brackets {
    open: u8,
    close: u8,
}

const OBJECT: Brackets = Brackets { open: b'{', close: b'}' };
const ARRAY: Brackets = Brackets { open: b'[', close: b']' };

/// Which arrays and objects are open: one bit each, so depth costs no memory.
#[derive(Default)]
struct Nesting {
    depth: u32,
    objects: u64,
}

impl Nesting {
    fn open(&mut self, brackets: Brackets) -> Result<(), NotAnObject> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH {
            return Err(NotAnObject::TooDeep);
        }
        self.objects = self.objects << 1 | u64::from(brackets == OBJECT);
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn innermost(&self) -> Brackets {
        if self.objects & 1 == 1 { OBJECT } else { ARRAY }
    }
}

struct Scanner<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Scanner<'j> {
    fn object(mut self, name: &str) -> Result<Object, NotAnObject> {
        self.space();
        if !self.eat(OBJECT.open) {
            self.value()?;
            self.end()?;
            return Err(NotAnObject::OtherValue);
        }
        let begin = self.at;
        let mut seen: HashSet<Cow<'j, str>> = HashSet::new();
        let mut own = None;
        self.space();
        let mut ended = self.eat(OBJECT.close);
        let mut comma = None;
        while !ended {
            self.space();
            let start = self.at;
            let key = self.key()?;
            let is_own = is_read_as(&key, name);
            if seen.len() == MAX_MEMBERS {
                return Err(NotAnObject::TooManyMembers);
            }
            if !seen.insert(key) || (is_own && own.is_some()) {
                return Err(NotAnObject::Duplicate);
            }
            self.value()?;
            let value_end = self.at;
            self.space();
            let next_comma = self.at;
            ended = !self.eat(b',');
            if ended {
                self.expect(OBJECT.close)?;
            }
            if is_own {
                own = Some(match comma {
                    Some(comma) => comma..value_end,
                    None if ended => start..value_end,
                    None => start..self.at,
                });
            }
            comma = Some(next_comma);
        }
        self.end()?;
        let has_others = seen.len() > usize::from(own.is_some());
        Ok(Object { begin, own, has_others })
    }

    /// A member's name as it is meant, and the colon behind it.
    fn key(&mut self) -> Result<Cow<'j, str>, NotAnObject> {
        let start = self.at;
        self.expect(b'"')?;
        self.string()?;
        let quoted = &self.text[start..self.at];
        self.space();
        self.expect(b':')?;
        if quoted.contains('\\') {
            // The escapes were checked; this only resolves them.
            serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| NotAnObject::Malformed { at: start })
        } else {
            Ok(Cow::Borrowed(&quoted[1..quoted.len() - 1]))
        }
    }

    /// Any value, up to its last byte.
    fn value(&mut self) -> Result<(), NotAnObject> {
        let mut nesting = Nesting::default();
        loop {
            self.space();
            if let Some(brackets) = [OBJECT, ARRAY].into_iter().find(|brackets| self.eat(brackets.open)) {
                nesting.open(brackets)?;
                self.space();
                if !self.eat(brackets.close) {
                    self.inner_key_in(brackets)?;
                    continue;
                }
                nesting.close();
            } else {
                self.scalar()?;
            }
            if self.closes(&mut nesting)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here; `false` if another value follows.
    fn closes(&mut self, nesting: &mut Nesting) -> Result<bool, NotAnObject> {
        while nesting.depth > 0 {
            self.space();
            if self.eat(b',') {
                self.space();
                self.inner_key_in(nesting.innermost())?;
                return Ok(false);
            }
            self.expect(nesting.innermost().close)?;
            nesting.close();
        }
        Ok(true)
    }

    /// In front of a value further down: in an object its name, which does not matter there.
    fn inner_key_in(&mut self, brackets: Brackets) -> Result<(), NotAnObject> {
        if brackets != OBJECT {
            return Ok(());
        }
        self.expect(b'"')?;
        self.string()?;
        self.space();
        self.expect(b':')
    }

    fn scalar(&mut self) -> Result<(), NotAnObject> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.malformed()),
        }
    }

    /// The rest of a string, behind its first quote.
    fn string(&mut self) -> Result<(), NotAnObject> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            self.at += plain.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    /// The rest of an escape, behind its backslash. Half a surrogate pair means nothing, so it is refused.
    fn escape(&mut self) -> Result<(), NotAnObject> {
        let kind = self.peek();
        self.at += 1;
        match kind {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => match self.hex()? {
                0xd800..=0xdbff => {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    if matches!(self.hex()?, 0xdc00..=0xdfff) { Ok(()) } else { Err(self.malformed()) }
                }
                0xdc00..=0xdfff => Err(self.malformed()),
                _ => Ok(()),
            },
            _ => {
                self.at -= 1;
                Err(self.malformed())
            }
        }
    }

    fn hex(&mut self) -> Result<u32, NotAnObject> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(self.malformed())?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), NotAnObject> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotAnObject> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()) {
            0 => Err(self.malformed()),
            digits => {
                self.at += digits;
                Ok(())
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), NotAnObject> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), NotAnObject> {
        self.space();
        if self.peek().is_none() { Ok(()) } else { Err(self.malformed()) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotAnObject> {
        if self.eat(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    fn malformed(&self) -> NotAnObject {
        NotAnObject::Malformed { at: self.at }
    }
}

#[cfg(test)]
mod tests;
