//! Values of documents as values of records, and back.

use mongodb::bson::{Binary, DateTime, Uuid};

use crate::fault::Fault;
use crate::mongo::aggregate::Ledger;
use crate::mongo::values::{moment, timestamp};
use crate::time::Time;

pub(super) fn uuid(id: Uuid) -> uuid::Uuid {
    uuid::Uuid::from_bytes(id.bytes())
}

pub(super) fn time(moment: DateTime) -> Result<Time, Fault> {
    Ok(Time(timestamp(moment)?))
}

pub(super) fn maybe(moment: Option<DateTime>) -> Result<Option<Time>, Fault> {
    moment.map(time).transpose()
}

pub(super) fn date(time: Time) -> DateTime {
    moment(time.0)
}

pub(super) fn bytes(binary: Binary) -> Vec<u8> {
    binary.bytes
}

/// The ledger of a document that was moved in.
pub(super) fn ledger() -> Ledger {
    Ledger::first(Vec::new())
}
