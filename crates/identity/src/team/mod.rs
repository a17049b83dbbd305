//! Teams and who is in them.

mod administer;
mod model;
mod store;

pub use administer::TeamChange;
pub(crate) use administer::display_name;
pub use model::{Team, TeamMember};
pub use store::TeamStore;
