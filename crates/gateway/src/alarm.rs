//! An alarm that is moved from wait to wait. Knows nothing of what is waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// An alarm for one wait after another, which may as well be given on to the next request.
///
/// It is set to the earliest moment that was ever asked for and looks again when that has come: going off too early
/// now and then is much cheaper than moving a timer for every request.
#[derive(Default)]
pub(crate) struct Alarm {
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Goes off at `deadline` and not before.
    pub(crate) fn set(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Whether it is set.
    pub(crate) fn is_set(&self) -> bool {
        self.deadline.is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.deadline = None;
    }

    /// Ready once the deadline has passed; never if there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const PIECE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn it_goes_off_at_its_deadline_wherever_that_was_moved() {
        let mut alarm = Alarm::default();
        let began = Instant::now();
        for pieces in [1, 2, 4] {
            alarm.set(began + PIECE * 1000);
            assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx).is_pending())).await);
            alarm.set(began + PIECE * pieces);
            poll_fn(|cx| alarm.poll(cx)).await;
            let elapsed = began.elapsed();
            assert!(elapsed >= PIECE * pieces && elapsed < PIECE * 100, "{elapsed:?}");
        }
        alarm.clear();
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx).is_pending())).await);
    }
}
