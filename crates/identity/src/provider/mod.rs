//! Signing in through outside providers: leaving for one, coming back, keeping in step with it while the session
//! lasts, and leaving again. Protocol and network are behind the port [`Providers`].

mod model;
mod port;
mod store;

pub use model::{
    AuthorizationRequest, CodeExchange, LogoutNotice, NewProviderSession, OutsideAccount, ProviderInfo,
    ProviderSession, ProviderTokens, Subject,
};
pub use port::{NoProviders, ProviderError, Providers};
pub use store::{GroupGrants, ProviderStore, RenewalLease, StateUse};
