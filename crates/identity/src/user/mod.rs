//! People: their accounts, how these come to be and how administrators keep them.

mod administer;
mod email;
mod model;
mod provision;
mod sign_up;
mod store;

pub use administer::{AdminError, NewAccount, UserChange};
pub use email::{EmailAddress, EmailKey, InvalidEmail};
pub use model::{ExternalIdentity, InvalidRole, NewUser, Role, User, UserContext, UserStatus, UserTeam};
pub use provision::{OutsidePerson, ProvisionError};
pub use sign_up::{SignUp, SignUpError};
pub use store::{UserQuery, UserStore};
