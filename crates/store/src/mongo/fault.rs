//! What the driver's errors mean.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::fault::Verdict;

/// A unique value belongs to another document.
const DUPLICATE_KEY: i32 = 11_000;
/// Somebody else writes the document at this moment.
const WRITE_CONFLICT: i32 = 112;
/// Codes of a server that starts, stops, steps down, or has. A command that it answers so has written nothing, and the
/// next primary may take it at once.
const NO_PRIMARY: [i32; 8] = [91, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436];
/// Codes of a server that is asked to wait, or does not know what became of a command.
const PASSING: [i32; 9] = [6, 7, 50, 64, 89, 134, 202, 262, 9001];

/// The server's code, if it was the server that said no.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

/// Whether a write was refused because a unique value belongs to another document.
pub(super) fn is_taken(error: &Error) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether the server refused the name or the password.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Authentication { .. })
}

/// Whether the server may have got the command: then it may have been carried out. A command that waited for a connection
/// when all were given up, or for a server, was not sent; one that was interrupted was.
pub(super) fn was_sent(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::ConnectionPoolCleared { message, .. } => message.contains("interrupted"),
        ErrorKind::ServerSelection { .. } | ErrorKind::Authentication { .. } | ErrorKind::DnsResolve { .. } => false,
        _ => true,
    }
}

/// What follows from an error.
pub(crate) fn verdict(error: &Error) -> Verdict {
    let kind = error.kind.as_ref();
    match kind {
        ErrorKind::ConnectionPoolCleared { .. } if !was_sent(error) => Verdict::Retry,
        ErrorKind::Io(_)
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        // A server that goes away in the middle of an answer.
        | ErrorKind::InvalidResponse { .. } => Verdict::Unavailable,
        _ => match code(error) {
            Some(WRITE_CONFLICT) => Verdict::Retry,
            Some(code) if NO_PRIMARY.contains(&code) && matches!(kind, ErrorKind::Command(_)) => Verdict::Retry,
            Some(code) if NO_PRIMARY.contains(&code) || PASSING.contains(&code) => Verdict::Unavailable,
            _ => Verdict::Broken,
        },
    }
}

/// The error in words, without the values of the document it complains of.
pub(crate) fn words(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => format!("the server answered {} ({})", command.code, command.code_name),
        ErrorKind::Write(_) => format!("a write was refused ({})", code(error).unwrap_or_default()),
        ErrorKind::Bson(error) => format!("a document has another form than this version knows ({error})"),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use mongodb::bson::{deserialize_from_document, doc};
    use mongodb::error::{CommandError, WriteConcernError};

    use super::*;

    fn answered(code: i32) -> Error {
        let command: CommandError = deserialize_from_document(doc! { "code": code, "errmsg": "no" }).unwrap();
        ErrorKind::Command(command).into()
    }

    fn written_but(code: i32) -> Error {
        let concern = doc! { "code": code, "codeName": "", "errmsg": "no" };
        let concern: WriteConcernError = deserialize_from_document(concern).unwrap();
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)).into()
    }

    #[test]
    fn what_a_server_that_is_no_primary_refused_is_asked_again() {
        for code in [91, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436] {
            assert_eq!(verdict(&answered(code)), Verdict::Retry, "{code}");
        }
        for code in [6, 50, 89, 9001] {
            assert_eq!(verdict(&answered(code)), Verdict::Unavailable, "{code}");
        }
    }

    #[test]
    fn what_a_former_primary_may_have_written_is_not_asked_again() {
        for code in [64, 91, 11_602, 10_107] {
            assert_eq!(verdict(&written_but(code)), Verdict::Unavailable, "{code}");
        }
    }
}
