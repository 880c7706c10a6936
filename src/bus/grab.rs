//! Follows what keeps the person from the windows of an X11 session, through every loss of the X server.

use super::Shared;
use super::logind::Kind;
use super::screen::Sight;
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::sources::x11::grab::{Hold, Probe};
use crate::sources::x11::{Environment, Error};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long something has to be so before it counts: a shortcut, and a menu that closes, grab for less.
const HELD: Duration = Duration::from_millis(400);
/// Between two looks while something changes; events that come faster are taken together.
const PACE: Duration = Duration::from_millis(100);
/// The longest pause between two looks while something may be locked: no event tells of covers and pointers.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long an X server may be away before what it showed last is so no more.
const GONE: Duration = Duration::from_secs(10);

/// Looks at what logind says that there is to look at.
pub async fn follow(shared: &Shared) {
    let mut kinds = shared.kind.subscribe();
    loop {
        let kind = kinds.borrow_and_update().clone();
        tokio::select! {
            changed = kinds.changed() => if changed.is_err() {
                return;
            },
            never = look_at(shared, kind) => match never {},
        }
        shared.screen().interrupt();
    }
}

async fn look_at(shared: &Shared, kind: Option<Kind>) -> Infallible {
    let told = shared.x11.clone();
    match kind {
        None => {}
        Some(Kind::Wayland) => shared.see(Sight::Wayland),
        Some(Kind::X11 { display }) => {
            let (display, session_type) = (display.or(told.display), Some("x11".into()));
            look_through_losses(shared, &Environment { display, session_type, ..told }).await;
        }
        Some(Kind::Unsaid) => look_through_losses(shared, &told).await,
    }
    std::future::pending().await
}

/// Ends only where looking for a server can never succeed.
async fn look_through_losses(shared: &Shared, environment: &Environment) {
    let mut backoff = Backoff::default();
    let mut lost: Option<Instant> = None;
    loop {
        let error = match Probe::connect(environment).await {
            Ok(mut probe) => {
                let since = Instant::now();
                let Err(error) = watch(shared, &mut probe).await;
                if since.elapsed() > LONGEST_PAUSE {
                    backoff.reset();
                }
                shared.screen().interrupt();
                lost = Some(Instant::now());
                error
            }
            Err(error) => {
                // A server that is away for a moment has unlocked nothing.
                if lost.is_none_or(|lost| lost.elapsed() > GONE) {
                    shared.see(Sight::Dark);
                }
                error
            }
        };
        tracing::debug!("the screen cannot be looked at: {error}");
        if error.is_final() {
            return;
        }
        tokio::select! {
            () = sleep(backoff.pause(LONGEST_PAUSE)) => {}
            () = shared.look_again.notified() => {}
        }
    }
}

async fn watch(shared: &Shared, probe: &mut Probe) -> Result<Infallible, Error> {
    let (mut held, mut pace) = (Held::default(), Backoff::from(PACE));
    loop {
        let is_claimed = shared.screen().is_claimed();
        let hold = probe.look(is_claimed).await?;
        let wait = if !held.take(hold, Instant::now()) {
            pace.reset();
            Some(PACE)
        } else {
            shared.see(Sight::X11(hold));
            let may_be_locked = hold.has_keyboard || shared.screen().is_claimed();
            may_be_locked.then(|| pace.pause(LONGEST_WAIT))
        };
        tokio::select! {
            stirred = probe.stirred() => {
                stirred?;
                sleep(PACE / 2).await;
            }
            () = shared.look_again.notified() => pace.reset(),
            () = sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {}
        }
    }
}

/// What was seen last, and since when.
#[derive(Debug, Default)]
struct Held {
    hold: Hold,
    since: Option<Instant>,
}

impl Held {
    /// Whether what is seen has been so for long enough.
    fn take(&mut self, hold: Hold, now: Instant) -> bool {
        if self.hold != hold {
            (self.hold, self.since) = (hold, None);
        }
        now.saturating_duration_since(*self.since.get_or_insert(now)) >= HELD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_counts_and_what_passes_does_not() {
        let (begun, grabbed) = (Instant::now(), Hold { has_keyboard: true, has_pointer: true, is_covered: true });
        let (mut held, at) = (Held::default(), |ms| begun + Duration::from_millis(ms));
        assert!(!held.take(Hold::default(), at(0)));
        assert!(held.take(Hold::default(), at(400)));
        assert!(!held.take(grabbed, at(500)));
        assert!(!held.take(Hold::default(), at(600)));
        assert!(!held.take(grabbed, at(700)) && !held.take(grabbed, at(1099)));
        assert!(held.take(grabbed, at(1100)));
    }
}
