//! A browser, as far as the surfaces see one: it keeps cookies and sends them along.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;

use crate::app::{Answer, App, Outcome};

/// Where a browser comes back to.
pub(crate) const CALLBACK: &str = "/api/v1/auth/callback";

/// A browser and its cookies.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    app: &'a App,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) const fn new(app: &'a App) -> Self {
        Self { app, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.send("GET", path, Body::empty(), &[]).await
    }

    pub(crate) async fn call(&mut self, method: &str, path: &str) -> Outcome<Answer> {
        self.send(method, path, Body::empty(), &[]).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> Outcome<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.app.send(request.body(body)?).await?;
        for cookie in answer.cookies() {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').ok_or("a cookie without =")?;
            if cookie.contains("; Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }

    /// Leaves for a provider and answers the state that must come back.
    pub(crate) async fn leave(&mut self, query: &str) -> Outcome<String> {
        let answer = self.get(&format!("/api/v1/auth/login{query}")).await?;
        assert_eq!(answer.status, 302, "{answer:?}");
        state_in(answer.header("location"))
    }

    /// Comes back with a code.
    pub(crate) async fn come_back(&mut self, state: &str, code: &str) -> Outcome<Answer> {
        self.get(&format!("{CALLBACK}?state={state}&code={code}")).await
    }

    /// Leaves for the default provider and comes back signed in.
    pub(crate) async fn sign_in(&mut self, email: &str) -> Outcome<Answer> {
        let state = self.leave("").await?;
        let answer = self.come_back(&state, email).await?;
        assert_eq!(answer.status, 302, "{answer:?}");
        Ok(answer)
    }

    pub(crate) async fn is_signed_in(&mut self) -> Outcome<bool> {
        let status = self.get("/api/v1/auth/status").await?;
        assert_eq!(status.status, 200);
        status.body["authenticated"].as_bool().ok_or_else(|| "no answer".into())
    }

    /// The cookies of sign-ins under way.
    pub(crate) fn flows(&self) -> usize {
        self.cookies.keys().filter(|name| name.starts_with("doorward_flow_")).count()
    }
}

pub(crate) fn state_in(url: &str) -> Outcome<String> {
    let (_, query) = url.split_once("state=").ok_or("no state")?;
    Ok(query.split('&').next().unwrap_or_default().to_owned())
}
