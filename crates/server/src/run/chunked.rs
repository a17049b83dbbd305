//! The chunked transfer coding, followed strictly and without keeping any of it.
//!
//! Only says where a body ends and whether its framing is beyond doubt; decoding is the HTTP
//! library's. Knows no socket.

use super::grammar::{is_control, is_token_byte};

/// Most digits of a chunk's size: all values of fewer fit into a `u64`.
const SIZE_DIGITS: u8 = 15;
/// Longest line with a chunk's size and its extensions.
const SIZE_LINE_BYTES: u16 = 256;
/// Longest trailer section.
const TRAILER_BYTES: u16 = 4 * 1024;

/// The chunk framing is broken or over a limit, so the end of the body is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed")]
pub(super) struct MalformedChunk;

/// Where in a chunked body the next byte falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of this chunk's data still to come, or its size while that is being read.
    size: u64,
    /// Bytes of the current size line, or of the trailer section.
    line: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size {
        digits: u8,
    },
    /// White space after the size, before an extension.
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: State::Size { digits: 0 }, size: 0, line: 0 }
    }

    /// Whether the last byte of the body has been followed.
    pub(super) fn is_ended(&self) -> bool {
        self.state == State::End
    }

    /// Follows `bytes` up to the body's end and says how many of them belong to it, and whether
    /// the byte after those breaks the framing.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, Result<(), MalformedChunk>) {
        let mut at = 0;
        while at < bytes.len() && !self.is_ended() {
            if self.state == State::Data {
                let present = bytes.len() - at;
                let taken = usize::try_from(self.size).map_or(present, |size| size.min(present));
                at += taken;
                self.size -= taken as u64;
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                continue;
            }
            match self.step(bytes[at]) {
                Ok(next) => self.state = next,
                Err(fault) => return (at, Err(fault)),
            }
            at += 1;
        }
        (at, Ok(()))
    }

    /// The state after one byte of framing.
    fn step(&mut self, byte: u8) -> Result<State, MalformedChunk> {
        match (self.state, byte) {
            (State::Size { digits }, _) => self.read_size(digits, byte),
            (State::SizeSpace, b' ' | b'\t') => self.within(State::SizeSpace, SIZE_LINE_BYTES),
            (State::SizeSpace, b';') => self.within(State::Extension, SIZE_LINE_BYTES),
            (State::SizeSpace | State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, byte) if !is_control(byte) => self.within(State::Extension, SIZE_LINE_BYTES),
            (State::SizeLf, b'\n') => {
                self.line = 0;
                Ok(if self.size == 0 { State::TrailerStart } else { State::Data })
            }
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => {
                self.line = 0;
                Ok(State::Size { digits: 0 })
            }
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::TrailerStart | State::TrailerName, byte) if is_token_byte(byte) => {
                self.within(State::TrailerName, TRAILER_BYTES)
            }
            (State::TrailerName, b':') => self.within(State::TrailerValue, TRAILER_BYTES),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, byte) if !is_control(byte) => self.within(State::TrailerValue, TRAILER_BYTES),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::EndLf, b'\n') => Ok(State::End),
            _ => Err(MalformedChunk),
        }
    }

    fn read_size(&mut self, digits: u8, byte: u8) -> Result<State, MalformedChunk> {
        match (char::from(byte).to_digit(16), byte) {
            (Some(_), _) if digits == SIZE_DIGITS => Err(MalformedChunk),
            (Some(digit), _) => {
                self.size = self.size * 16 + u64::from(digit);
                Ok(State::Size { digits: digits + 1 })
            }
            (None, _) if digits == 0 => Err(MalformedChunk),
            (None, b'\r') => Ok(State::SizeLf),
            (None, b';') => Ok(State::Extension),
            (None, b' ' | b'\t') => Ok(State::SizeSpace),
            (None, _) => Err(MalformedChunk),
        }
    }

    /// Counts a byte against a limit of the current line or section.
    fn within(&mut self, next: State, limit: u16) -> Result<State, MalformedChunk> {
        self.line += 1;
        if self.line > limit { Err(MalformedChunk) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of `body` is followed, and whether it ends there.
    fn follow(body: &str) -> (usize, Result<bool, MalformedChunk>) {
        let mut chunked = Chunked::new();
        let (taken, outcome) = chunked.follow(body.as_bytes());
        (taken, outcome.map(|()| chunked.is_ended()))
    }

    #[test]
    fn a_body_ends_with_its_empty_chunk() {
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "003\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n",
            "3;name=value\r\n\r\n\r\r\n0 ; x=\"y\"\r\n\r\n",
            "1 \r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n",
        ] {
            assert_eq!(follow(&format!("{body}GET /")), (body.len(), Ok(true)), "{body:?}");
        }
    }

    #[test]
    fn a_body_that_two_readers_could_end_differently_is_broken_at_the_doubtful_byte() {
        for (whole, bad) in [
            ("", "\r\n"),
            ("", "g\r\n"),
            ("", "+1\r\n"),
            ("", "-1\r\n"),
            ("", " 1\r\n"),
            ("0", "x1\r\n"),
            ("1", "\na\r\n"),
            ("1\r", "a\r\n"),
            ("1 ", "1\r\n"),
            ("1;x", "\na\r\n"),
            ("1;x\r", "\r\n"),
            ("1;", "\0\r\n"),
            ("3\r\nabc", "d\r\n"),
            ("3\r\nabc", "\n0\r\n\r\n"),
            ("3\r\nabc\r", "x"),
            ("0\r\n", "\n"),
            ("0\r\n", " X: folded\r\n"),
            ("0\r\n", ": no name\r\n"),
            ("0\r\nX", " : 1\r\n"),
            ("0\r\nX", "\r\n"),
            ("0\r\nX: 1", "\n\r\n"),
            ("0\r\nX: 1\r\n", "\t2\r\n"),
            ("0\r\nX: 1\r\n\r", "x"),
            ("123456789abcdef", "0\r\n"),
        ] {
            let (taken, outcome) = follow(&format!("{whole}{bad}"));
            assert_eq!((taken, outcome), (whole.len(), Err(MalformedChunk)), "{whole:?} {bad:?}");
        }
    }

    #[test]
    fn size_lines_and_trailers_are_bounded() {
        let line = |length: usize| format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(length));
        assert_eq!(follow(&line(250)).1, Ok(true));
        assert_eq!(follow(&line(300)).1, Err(MalformedChunk));
        let trailer = |count: usize| format!("0\r\n{}\r\n", "X-Name: value\r\n".repeat(count));
        assert_eq!(follow(&trailer(64)).1, Ok(true));
        assert_eq!(follow(&trailer(400)).1, Err(MalformedChunk));
        let many_lines = format!("{}0\r\n\r\n", "1;x\r\na\r\n".repeat(1000));
        assert_eq!(follow(&many_lines).1, Ok(true));
    }
}
