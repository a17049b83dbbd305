//! Sessions: how they begin, how their tokens are issued, checked and renewed, and how they end.

mod access_token;
mod assertion;
mod cookie;
mod counts;
mod id_token;
mod live;
mod model;
mod outside;
mod own;
mod password;
mod pool;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod store;
mod validate;

pub use access_token::AccessClaims;
pub use live::LiveState;
pub use model::{EndReason, LiveSession, NewSession, Origin, RefreshFamily, Rotation, Session, SignInMethod, Started};
pub(crate) use password::end_there;
pub use refresh::RefreshError;
pub use sign_in::{SignIn, SignInError};
pub use sign_out::SignOutError;
pub use start::SignedIn;
pub use store::SessionStore;
pub use validate::{Caller, TokenRejection, ValidateError};
