//! The rewriting of a multipart form piece by piece, wherever its bytes are cut. Knows no stream.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use memchr::memmem::{self, Finder};

use super::boundary::Boundary;
use super::fault::MultipartFault;
use super::part;
use crate::inject::name::{Likeness, likeness};

/// The longest head of a part.
const MAX_HEAD: usize = 16 * 1024;
/// The most parts, ours not counted.
const MAX_PARTS: usize = 128;
const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";
const CLOSE: &[u8] = b"--";

/// Rewrites one form.
pub(in super::super) struct Rewriter {
    /// `--` and the boundary.
    dashed: Bytes,
    /// On the heap: it is aligned so widely that every request's future would be dear to allocate.
    boundary: Box<Finder<'static>>,
    field: String,
    /// Our whole part, with its delimiter.
    own: Option<Bytes>,
    state: State,
    /// What is too little to judge yet: at most a delimiter, or in a head all of it so far.
    held: BytesMut,
    /// How much of a held head was searched for its end.
    searched: usize,
    parts: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first delimiter, or one line end before it.
    Start,
    /// A delimiter, whose line end before it has been seen.
    Delimiter,
    /// A part's head.
    Head,
    /// A part's content, to be kept or not.
    Content { kept: bool },
    /// At most one line end.
    End,
}

impl Rewriter {
    pub(in super::super) fn new(boundary: &Boundary, field: &str, value: Option<&str>) -> Self {
        let dashed = boundary.dashed();
        let quoted = field.replace('"', "%22");
        let own = value.map(|value| {
            format!("{dashed}\r\nContent-Disposition: form-data; name=\"{quoted}\"\r\n\r\n{value}\r\n").into()
        });
        Self {
            boundary: Box::new(Finder::new(&dashed).into_owned()),
            dashed: dashed.into(),
            field: field.to_owned(),
            own,
            state: State::Start,
            held: BytesMut::new(),
            searched: 0,
            parts: 0,
        }
    }

    /// Judges what came and adds what may travel of it to `out`.
    pub(in super::super) fn push(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), MultipartFault> {
        let Some(mut input) = self.joined(chunk)? else { return Ok(()) };
        while self.step(&mut input, out)? {}
        self.held.extend_from_slice(&input);
        self.searched = if self.state == State::Head { input.len() } else { 0 };
        Ok(())
    }

    /// The form has ended.
    pub(in super::super) fn finish(&mut self, out: &mut VecDeque<Bytes>) -> Result<(), MultipartFault> {
        if self.state != State::End || !matches!(&self.held[..], b"" | LINE_END) {
            return Err(MultipartFault::Unfinished);
        }
        out.push_back([&self.dashed, CLOSE, &self.held].concat().into());
        Ok(())
    }

    /// What is held and the chunk, unless that is still only a part of a head.
    fn joined(&mut self, chunk: Bytes) -> Result<Option<Bytes>, MultipartFault> {
        if self.held.is_empty() {
            return Ok(Some(chunk));
        }
        self.held.extend_from_slice(&chunk);
        if self.state == State::Head {
            let from = self.searched.saturating_sub(HEAD_END.len() - 1);
            self.searched = self.held.len();
            if memmem::find(&self.held[from..], HEAD_END).is_none() {
                return if self.held.len() > MAX_HEAD { Err(MultipartFault::LongHead) } else { Ok(None) };
            }
        }
        Ok(Some(self.held.split().freeze()))
    }

    /// Takes one step; `false` if more must come first.
    fn step(&mut self, input: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<bool, MultipartFault> {
        match self.state {
            State::Start => self.start(input),
            State::Delimiter => self.delimiter(input, out),
            State::Head => self.head(input, out),
            State::Content { kept } => self.content(input, kept, out),
            State::End if LINE_END.starts_with(input) => Ok(false),
            State::End => Err(MultipartFault::Epilogue),
        }
    }

    fn start(&mut self, input: &mut Bytes) -> Result<bool, MultipartFault> {
        let begin = if input.starts_with(b"\r") { LINE_END.len() } else { 0 };
        let expected = [&LINE_END[..begin], &self.dashed].concat();
        let present = input.len().min(expected.len());
        if input[..present] != expected[..present] {
            return Err(MultipartFault::Preamble);
        }
        if present < expected.len() {
            return Ok(false);
        }
        drop(input.split_to(begin));
        self.state = State::Delimiter;
        Ok(true)
    }

    fn delimiter(&mut self, input: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<bool, MultipartFault> {
        let end = self.dashed.len() + LINE_END.len();
        if input.len() < end {
            return Ok(false);
        }
        self.state = match &input[self.dashed.len()..end] {
            LINE_END if self.parts == MAX_PARTS => return Err(MultipartFault::TooManyParts),
            LINE_END => State::Head,
            CLOSE => State::End,
            _ => return Err(MultipartFault::StrayBoundary),
        };
        self.parts += 1;
        drop(input.split_to(end));
        out.extend(self.own.take());
        Ok(true)
    }

    fn head(&mut self, input: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<bool, MultipartFault> {
        let end = memmem::find(input, HEAD_END);
        if end.unwrap_or(input.len()) > MAX_HEAD {
            return Err(MultipartFault::LongHead);
        }
        let Some(end) = end else { return Ok(false) };
        let head = input.split_to(end + HEAD_END.len());
        if memmem::find(&head, &self.dashed).is_some() {
            return Err(MultipartFault::StrayBoundary);
        }
        let kept = match likeness(part::name(&head[..end])?, &self.field) {
            Likeness::Same => false,
            Likeness::Disguised => return Err(MultipartFault::Disguised),
            Likeness::Other => true,
        };
        if kept {
            out.push_back([&self.dashed, LINE_END, &head].concat().into());
        }
        self.state = State::Content { kept };
        Ok(true)
    }

    /// Content goes on up to the line end before the next boundary; what may be the beginning of that is held.
    fn content(&mut self, input: &mut Bytes, kept: bool, out: &mut VecDeque<Bytes>) -> Result<bool, MultipartFault> {
        let found = self.boundary.find(input);
        let end = match found {
            Some(at) if input[..at].ends_with(LINE_END) => at,
            Some(_) => return Err(MultipartFault::StrayBoundary),
            None => input.len() - self.beginning_of_delimiter(input),
        };
        let content = input.split_to(end);
        if kept && !content.is_empty() {
            out.push_back(content);
        }
        if found.is_some() {
            self.state = State::Delimiter;
        }
        Ok(found.is_some())
    }

    /// How many bytes at the end of the content may belong to a boundary, or to the line end before one.
    fn beginning_of_delimiter(&self, content: &[u8]) -> usize {
        let begins = |tail: &[u8]| {
            let without_line_end = tail.strip_prefix(LINE_END).unwrap_or(tail);
            self.dashed.starts_with(without_line_end) || LINE_END.starts_with(tail)
        };
        let longest = (self.dashed.len() + LINE_END.len() - 1).min(content.len());
        let tail = &content[content.len() - longest..];
        let starts = memchr::memchr2_iter(b'\r', b'-', tail);
        starts.map(|at| &tail[at..]).find(|tail| begins(tail)).map_or(0, <[u8]>::len)
    }
}
