//! A moment as a column: `timestamptz` in PostgreSQL, milliseconds since 1970 in SQLite and wherever serde writes it, cut
//! to the millisecond everywhere, so that every store gives back what it was given.

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// A moment on its way to or from a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(#[serde(with = "millisecond::required")] pub(crate) Timestamp);

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl Type<Sqlite> for Time {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for Time {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode(self.0.as_millisecond(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Time {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        let millis = <i64 as Decode<'r, Sqlite>>::decode(value)?;
        Ok(Self(Timestamp::from_millisecond(millis)?))
    }
}

/// `timestamptz` in PostgreSQL's catalogue (`pg_type.dat`).
const TIMESTAMPTZ: Oid = Oid(1184);
/// PostgreSQL counts microseconds from 2000-01-01, which is this many after 1970-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Type<Postgres> for Time {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.as_millisecond() * 1000 - POSTGRES_EPOCH;
        <i64 as Encode<'_, Postgres>>::encode(micros, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Time {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a timestamptz came as text".into());
        }
        let micros = <i64 as Decode<'r, Postgres>>::decode(value)?;
        let micros = micros.checked_add(POSTGRES_EPOCH).ok_or("a timestamptz is out of range")?;
        Ok(Self(Timestamp::from_microsecond(micros)?))
    }
}
