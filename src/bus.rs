//! D-Bus: the desk at which the person sits. Its session is locked, and it is heard when it is locked or unlocked (logind,
//! the desktop's screen savers); it shows the owner a notice and hears the answer; polkit has the account's password asked
//! for.
//!
//! A bus, a service or an answer that is not there is an everyday matter. Nothing here holds up the caller's loop: all of
//! it happens in tasks of its own, each question has a time limit, and what peers can make us read is bounded
//! ([`socket`](crate::dbus::socket)). What is said on the session's bus is said by programs of the account, and is worth no more than that.

mod chain;
mod grab;
mod inbox;
mod informing;
mod logind;
mod notices;
mod polkit;
mod screen;

use crate::act::board::{Info, Pace};
use crate::act::ports::{Action, Answer, Authority, Heard, Locked, Outcome, Step, Subject, Words};
pub use crate::dbus::connection::Addresses;
use crate::dbus::connection::{Bus, CallError, Target, Traffic};
pub use crate::dbus::socket::{BURST, MESSAGE_BYTES};
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::sources::session::Seat;
use crate::sources::x11;
use inbox::Inbox;
use informing::Informing;
use logind::{Front, Kind};
use notices::Notices;
use screen::{Claimant, Screen, Sight};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What a desk has to be told of its session.
#[derive(Debug, Clone)]
pub struct Session {
    pub seat: Seat,
    pub addresses: Addresses,
    /// Where lockers are looked for.
    pub x11: x11::Environment,
    /// The file that, replaced, has a unit run `decision.lock_command`; `None`: there is no such command.
    pub lock_file: Option<PathBuf>,
    /// Of notices that ask nothing.
    pub pace: Pace,
}

impl Session {
    /// That of this process. `lock_command`: whether there is one.
    pub fn of_this_process(lock_command: bool) -> Session {
        let seat = Seat::of_this_process();
        let addresses = Addresses::of_this_process(seat.uid);
        let (x11, lock_file) = (x11::Environment::of_this_process(), chain::lock_file(lock_command));
        Session { seat, addresses, x11, lock_file, pace: Pace::default() }
    }
}

/// The desk. Its tasks end with it.
#[derive(Debug)]
pub struct Desk {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Desk {
    /// Begins to listen to the system bus and to look at the screen; the session's bus is connected to when there is
    /// something to say. Must be called within a runtime.
    pub fn start(session: Session) -> Desk {
        let Session { seat, addresses, x11, lock_file, pace } = session;
        let refresh = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            seat,
            x11,
            lock_file,
            system: Bus::at(addresses.system, Traffic::OfServices(Arc::clone(&refresh))),
            session: Bus::at(addresses.session, Traffic::OfAnybody),
            inbox: Inbox::default(),
            screen: Mutex::default(),
            logind: Mutex::default(),
            kind: watch::Sender::default(),
            refresh,
            look_again: Notify::new(),
            notices: Notices::default(),
            informing: Informing::new(pace),
            locking: tokio::sync::Mutex::new(()),
        });
        let mut tasks = JoinSet::new();
        let of = Arc::clone(&shared);
        tasks.spawn(async move { keep_following(&of, Which::System).await });
        let of = Arc::clone(&shared);
        tasks.spawn(async move {
            tokio::select! {
                () = of.notices.first_needed() => {}
                () = of.informing.first_needed() => {}
            }
            keep_following(&of, Which::Session).await;
        });
        let of = Arc::clone(&shared);
        tasks.spawn(async move { grab::follow(&of).await });
        Desk { shared, tasks }
    }

    /// Waits for what the desk tells next. Cancel-safe.
    pub async fn heard(&self) -> Heard {
        self.shared.inbox.next().await
    }

    /// Passes on what the desk tells, until nobody listens.
    pub fn pass_on(&self, heard: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move { while heard.send(shared.inbox.next().await).await.is_ok() {} }
    }

    /// Locks the session, by the first step of the chain that verifiably does. Takes up to 3 s a step. Only a locker that is
    /// seen on the X server that logind names spares the chain. What was claimed or shown before the request could have been
    /// feigned, and verifies no step; a locker that is asked once more does nothing.
    pub fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move { chain::lock(&shared).await }
    }

    /// Which steps could be tried here, and why not the others. Locks nothing.
    pub fn prospects(&self) -> impl Future<Output = Vec<(Step, Outcome)>> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move { chain::prospects(&shared).await }
    }

    /// Asks in a notice in place of the one before, as soon as somebody shows notices and until it is withdrawn or answered.
    pub fn show(&self, words: Words) {
        self.shared.notices.want(Some(words));
    }

    pub fn withdraw(&self) {
        self.shared.notices.want(None);
    }

    /// Shows a notice that asks nothing and expires, as soon as somebody shows notices and as far as it is news then
    /// ([`Board`](crate::act::board::Board)).
    pub fn inform(&self, info: Info, words: Words) {
        self.shared.informing.tell(info, words);
    }

    /// Completes once everything is shown that is to be shown at present.
    pub fn informed(&self) -> impl Future<Output = ()> {
        self.shared.informing.settled()
    }

    /// Has polkit decide, which asks for the account's password. Takes as long as the person does, up to two minutes;
    /// dropping it takes the question back.
    pub fn authorise(&self, subject: Subject, action: Action) -> impl Future<Output = Authority> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move { polkit::authorise(&shared, subject, action).await }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.tasks.abort_all();
    }
}

/// What the tasks have in common.
#[derive(Debug)]
struct Shared {
    seat: Seat,
    x11: x11::Environment,
    lock_file: Option<PathBuf>,
    system: Bus,
    session: Bus,
    inbox: Inbox,
    screen: Mutex<Screen>,
    logind: Mutex<Logind>,
    /// What logind says of the screen; `None`: it has not been asked yet.
    kind: watch::Sender<Option<Kind>>,
    /// What logind says is to be read once more.
    refresh: Arc<Notify>,
    /// The screen is to be looked at now.
    look_again: Notify,
    notices: Notices,
    informing: Informing,
    /// One chain at a time.
    locking: tokio::sync::Mutex<()>,
}

/// What is known of logind.
#[derive(Debug, Default)]
struct Logind {
    /// The session that was heard to be locked: no other one's state says that it is not.
    locked: Option<Target>,
}

impl Shared {
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logind(&self) -> MutexGuard<'_, Logind> {
        self.logind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the hint or a screen saver says, and tells what of it is news.
    fn claim(&self, by: Claimant, is_locked: bool) {
        let news = self.screen().claim(by, is_locked);
        self.tell(news);
        if is_locked {
            self.look_again.notify_one();
        }
    }

    /// The screen saver that claims a lock has ended.
    fn abandon_saver(&self) {
        let news = self.screen().abandon_saver();
        self.tell(news);
    }

    /// The session that was hinted to be locked has ended.
    fn end(&self) {
        let news = self.screen().end();
        self.tell(news);
    }

    /// Takes what is seen on the screen, and tells what of it is news.
    fn see(&self, sight: Sight) {
        let news = self.screen().see(sight);
        self.tell(news);
    }

    /// Takes what logind says of the session in front. A console that comes to the front has no screen to be looked at, and
    /// the one behind it is what it was.
    fn take_kind(&self, front: &Result<Option<Front>, CallError>) {
        let kind = match front {
            Ok(Some(front)) if front.is_graphical => Some(&front.kind),
            _ => None,
        };
        self.kind.send_if_modified(|known| match (known.is_none(), kind) {
            (false, None) => false,
            (_, kind) => {
                let kind = kind.unwrap_or(&Kind::Unsaid);
                known.replace(kind.clone()).as_ref() != Some(kind)
            }
        });
    }

    fn tell(&self, news: Option<Heard>) {
        if let Some(heard) = news {
            self.inbox.put(heard);
        }
    }
}

/// How long a connection has to last before the next loss counts as the first.
const LASTING: Duration = LONGEST_PAUSE;

#[derive(Clone, Copy)]
enum Which {
    System,
    Session,
}

/// Follows a bus through every loss.
async fn keep_following(shared: &Shared, which: Which) {
    let bus = match which {
        Which::System => &shared.system,
        Which::Session => &shared.session,
    };
    let mut backoff = Backoff::default();
    let mut was_reached = true;
    loop {
        match bus.connection().await {
            Ok(connection) => {
                was_reached = true;
                let since = Instant::now();
                match which {
                    Which::System => logind::follow(shared, &connection).await,
                    Which::Session => notices::follow(shared, &connection).await,
                }
                bus.forget(&connection).await;
                tracing::debug!("the connection to a bus was lost");
                if since.elapsed() > LASTING {
                    backoff.reset();
                }
            }
            Err(error) => {
                if std::mem::take(&mut was_reached) {
                    tracing::info!("{error}; still trying");
                }
                if let Which::System = which {
                    shared.take_kind(&Err(error));
                }
            }
        }
        tokio::time::sleep(backoff.pause(LONGEST_PAUSE)).await;
    }
}
