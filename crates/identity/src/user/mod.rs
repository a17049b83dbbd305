//! People: their accounts, how these come to be and how administrators keep them.

mod account_error;
mod administer;
mod change_email;
mod change_password;
mod email;
mod leave;
mod model;
mod new_password;
mod owner;
mod password_change;
mod person;
mod phone;
mod provision;
mod reset_password;
mod sign_up;
mod store;
mod verify_email;

pub use account_error::AccountError;
pub use administer::{AdminError, NewAccount, UserChange};
pub use change_email::EmailChangeWish;
pub use change_password::PasswordChangeWish;
pub use email::{EmailAddress, EmailKey, InvalidEmail};
pub use model::{ExternalIdentity, InvalidRole, NewUser, Role, User, UserContext, UserStatus, UserTeam};
pub use owner::RECENT_SIGN_IN;
pub use password_change::{PasswordChange, PasswordProof};
pub(crate) use person::Person;
pub use phone::{InvalidPhone, PhoneNumber};
pub use provision::{OutsidePerson, ProvisionError};
pub use reset_password::ResetPassword;
pub(crate) use sign_up::{Checked, SignedUp, as_it_would_be};
pub use sign_up::{PersonDetails, SignUp, SignUpError};
pub use store::{UserQuery, UserStore};
pub use verify_email::CodePresented;
pub(crate) use verify_email::as_recorded;
