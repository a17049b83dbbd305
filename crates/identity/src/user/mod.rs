//! People: their accounts, how these come to be and how administrators keep them.

mod account_error;
mod administer;
mod email;
mod model;
mod password_change;
mod phone;
mod provision;
mod sign_up;
mod store;

pub use account_error::AccountError;
pub use administer::{AdminError, NewAccount, UserChange};
pub use email::{EmailAddress, EmailKey, InvalidEmail};
pub use model::{ExternalIdentity, InvalidRole, NewUser, Role, User, UserContext, UserStatus, UserTeam};
pub use password_change::{PasswordChange, PasswordProof};
pub use phone::{InvalidPhone, PhoneNumber};
pub use provision::{OutsidePerson, ProvisionError};
pub use sign_up::{PersonDetails, SignUp, SignUpError};
pub use store::{UserQuery, UserStore};
