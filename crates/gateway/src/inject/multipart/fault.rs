//! What is wrong with a multipart form.

/// Why a part cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartFault {
    /// The media type names no boundary, or two, or an odd one.
    #[error("the multipart boundary is missing, doubled or malformed")]
    Boundary,
    /// Something before the first part.
    #[error("the multipart body does not begin with its boundary")]
    Preamble,
    /// Something behind the last part.
    #[error("the multipart body goes on behind its closing boundary")]
    Epilogue,
    /// The boundary where it delimits nothing, or with other line ends than CRLF.
    #[error("the multipart boundary stands where it does not belong")]
    StrayBoundary,
    /// No closing boundary.
    #[error("the multipart body ends before its closing boundary")]
    Unfinished,
    /// The header lines of a part.
    #[error("a part of the multipart body has a malformed head")]
    Head,
    /// No name, or two, or one with two readings.
    #[error("a part of the multipart body does not say its name once and clearly")]
    Name,
    /// A part of parts.
    #[error("a part of the multipart body is multipart itself")]
    Nested,
    /// A name that some reader would take for the one that is set.
    #[error("the multipart body has a part that could be mistaken for one that only the gateway sets")]
    Disguised,
    /// A head that is too long.
    #[error("a part of the multipart body has a head of more than 16 KiB")]
    LongHead,
    /// Too many parts.
    #[error("the multipart body has more than 128 parts")]
    TooManyParts,
}
