//! Values of the domain as they stand in documents: moments to the millisecond, hashes and sealed texts as binary.

use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc};

use crate::fault::{Fault, readable};

/// A moment.
pub(super) fn moment(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

/// A moment that was stored.
pub(super) fn timestamp(moment: DateTime) -> Result<Timestamp, Fault> {
    readable(Timestamp::from_millisecond(moment.timestamp_millis()).ok(), "moment")
}

/// A stored moment that may be absent.
pub(super) fn optional_timestamp(moment: Option<DateTime>) -> Result<Option<Timestamp>, Fault> {
    moment.map(timestamp).transpose()
}

/// Equal to a value, in a field whose index passes over documents that have nothing there: DocumentDB uses such an index
/// only for what is asked to exist.
pub(super) fn sparse(value: impl Into<Bson>) -> Document {
    doc! { "$exists": true, "$eq": value.into() }
}

/// Bytes.
pub(super) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

/// A secret's hash.
pub(super) fn hash(hash: &SecretHash) -> Binary {
    binary(hash.as_bytes())
}

/// A count that was stored.
pub(super) fn count(stored: i64, what: &'static str) -> Result<u32, Fault> {
    readable(u32::try_from(stored).ok(), what)
}
