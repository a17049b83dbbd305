//! HTTP/2 frames made by hand (RFC 9113), for clients that no library would be.

use super::*;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// One frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers as HPACK literals that are not indexed (RFC 7541, section 6.2.2), short enough for lengths of one byte.
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// The head of a request to `path`.
pub(super) fn request(method: &str, path: &str) -> Vec<u8> {
    block(&[(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)])
}

/// A client that has opened HTTP/2.
pub(super) async fn connect(bench: &Bench) -> Client {
    let mut client = bench.connect().await;
    client.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    client
}

impl Client {
    /// Reads one frame: its kind, its stream and its payload.
    pub(super) async fn frame(&mut self) -> std::io::Result<(u8, u32, Vec<u8>)> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await?;
            Ok((head[3], stream, payload))
        };
        tokio::time::timeout(HANG, read).await.unwrap()
    }

    /// Reads frames until one of `kind` comes, or the connection ends.
    pub(super) async fn frame_of(&mut self, kind: u8) -> Option<Vec<u8>> {
        while let Ok((found, _, payload)) = self.frame().await {
            if found == kind {
                return Some(payload);
            }
        }
        None
    }
}
