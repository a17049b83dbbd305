//! How a letter becomes a message and leaves.
//!
//! [`PostOffice`] renders a letter with its templates, writes one MIME message and hands it to a carrier: an SMTP
//! server, Amazon SES, or the log. It knows neither the outbox nor when to try again: it answers what became of
//! this attempt, in words an operator can act upon.

mod address;
mod carrier;
mod message;
mod office;
mod templates;

pub use carrier::Carrier;
pub use carrier::smtp::{BadSmtpUrl, SmtpSettings};
pub use office::{Mistake, PostOffice, PostOfficeError, PostSettings};
pub use templates::{ExportError, export as export_templates};
