//! Signing in through outside providers: leaving for one, coming back, keeping in step with it while the session
//! lasts, and leaving again. Protocol and network are behind the port [`Providers`].

mod begin;
mod finish;
mod flow;
mod groups;
mod identities;
mod logout;
mod model;
mod port;
mod renew;
mod store;
mod tokens;

pub use begin::{Departed, Departure};
pub use finish::{Arrival, Arrived, ProviderSignInError};
pub use flow::flow_id;
pub use identities::{LinkedIdentity, UnlinkError};
pub use logout::ProviderLogoutError;
pub use model::{
    AuthorizationRequest, CodeExchange, LogoutNotice, NewProviderSession, OutsideAccount, ProviderInfo,
    ProviderSession, ProviderTokens, Subject,
};
pub use port::{NoProviders, ProviderError, Providers};
pub use store::{GroupGrants, ProviderStore, RenewalLease, StateUse};
