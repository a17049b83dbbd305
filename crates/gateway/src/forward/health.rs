//! Asking services for their health, whether or not anybody sends them requests.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

use super::attempt::Terms;
use super::{Forwarder, Timeouts};
use crate::authenticate::Authenticator;
use crate::connect::Offer;
use crate::outgoing::Shipment;
use crate::route::Routes;
use crate::upstream::{Endpoint, HealthCheck};

/// So many bad answers in a row make a service ill; one may be an accident.
const BAD_ANSWERS: u32 = 2;

impl<A: Authenticator> Forwarder<A> {
    /// Looks after every service of the routes that say how.
    pub(crate) fn watch_health(self, routes: &Routes) -> impl Future<Output = ()> + Send + use<A> {
        let mut services = Vec::new();
        for group in routes.groups() {
            let check = group.health_check().into_iter();
            services.extend(
                check.flat_map(|check| group.endpoints().iter().map(|endpoint| (Arc::clone(endpoint), check.clone()))),
            );
        }
        async move {
            join_all(services.iter().map(|(endpoint, check)| self.watch(endpoint, check))).await;
        }
    }

    async fn watch(&self, endpoint: &Endpoint, check: &HealthCheck) {
        let mut every = interval(check.interval);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut bad_answers = 0;
        loop {
            every.tick().await;
            bad_answers = if self.is_well(endpoint, check).await { 0 } else { bad_answers + 1 };
            if bad_answers == 0 || bad_answers >= BAD_ANSWERS {
                endpoint.examined(bad_answers == 0, &*self.observer);
            }
        }
    }

    async fn is_well(&self, endpoint: &Endpoint, check: &HealthCheck) -> bool {
        let timeouts = Timeouts { connect: check.timeout, answer: check.timeout, idle: check.timeout };
        let deadline = Instant::now() + check.timeout;
        let terms = Terms { timeouts, deadline, offer: Offer::Any, may_again: false };
        let answer = self.ask(endpoint, &mut Shipment::question(check.path.clone()), terms).await;
        answer.is_ok_and(|answer| answer.response.status().is_success() || answer.response.status().is_redirection())
    }
}
