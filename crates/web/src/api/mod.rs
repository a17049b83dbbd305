//! The calls, one file a surface: read the request, call one service, answer. No rule of the domain stands here.

pub(crate) mod accounts;
pub(crate) mod admin;
pub(crate) mod directory;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod hosted;
pub(crate) mod mailbox;
pub(crate) mod session;
pub(crate) mod signin;
pub(crate) mod wellknown;
