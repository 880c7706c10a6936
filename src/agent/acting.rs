//! Between the rules of acting and the desk: what is asked there, and what comes back.

use super::control::{Client, Peer, Request};
use super::decision_status::DecisionStatus;
use super::desk::{Desk, NoDesk};
use crate::act::board::{Info, Topic};
use crate::act::ports::{Action, Authority, Heard, Locked, Notice, Subject};
use crate::act::{Act, Deed, Mode};
use crate::config;
use std::collections::VecDeque;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// More answers than can be waited for at a time.
const REPLIES: usize = 8;

/// The rules, the desk, and what is under way between them.
#[derive(Debug)]
pub struct Acting<D = NoDesk> {
    pub act: Act,
    /// Which notices are shown.
    notify: config::Notify,
    desk: D,
    heard: mpsc::Receiver<Heard>,
    /// Ends with this.
    _listening: JoinSet<()>,
    /// What is to be done, in order.
    pub deeds: VecDeque<Deed>,
    reply: mpsc::Sender<News>,
    replies: mpsc::Receiver<News>,
    /// A password is being asked for, one at a time.
    asking: Option<Asking>,
    /// Of the questions asked so far.
    count: u64,
}

/// What the password is being asked for.
#[derive(Debug)]
struct Asking {
    number: u64,
    rank: Rank,
    /// Dropped, it takes the question back.
    _end: oneshot::Sender<()>,
}

/// Which question takes another's place: whoever asks without end must not keep the owner from answering an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Other,
    Confirm,
    Notice,
}

/// What comes from the desk.
#[derive(Debug)]
pub enum News {
    Heard(Heard),
    /// Of the lock that the rules asked for.
    Locked(Locked),
    /// Of the lock that a client asked for.
    Tested(Locked, Client),
    /// Whether somebody may speak for the owner; `None`: the question was taken back. Of the question with this number.
    Proved(u64, Question, Option<Authority>),
}

/// Whether a client has to prove that it may ask for this. Root need not: it may do anything else, too.
pub fn must_prove(mode: Mode, request: &Request, peer: Peer, has_alarm: bool) -> bool {
    // Nothing would come of an answer to no alarm.
    let is_idle = *request == Request::Confirm && !has_alarm;
    mode.needs_authority() && request.speaks_for_the_owner() && peer.uid != 0 && !is_idle
}

/// Who asks to speak for the owner.
#[derive(Debug)]
pub enum Question {
    Client(Request, Client),
    Notice,
}

impl Question {
    fn rank(&self) -> Rank {
        match self {
            Question::Notice => Rank::Notice,
            Question::Client(Request::Confirm, _) => Rank::Confirm,
            Question::Client(..) => Rank::Other,
        }
    }

    /// Completes once nobody waits for the answer any more.
    fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        let gone = match self {
            Question::Client(_, client) => Some(client.gone()),
            Question::Notice => None,
        };
        async move {
            match gone {
                Some(gone) => gone.await,
                None => std::future::pending().await,
            }
        }
    }
}

impl<D: Desk> Acting<D> {
    /// Must be called within a runtime.
    pub fn new(mode: Mode, notify: config::Notify, desk: D) -> Acting<D> {
        let (reply, replies) = mpsc::channel(REPLIES);
        // More waits at the desk, where the oldest give way.
        let (sender, heard) = mpsc::channel(1);
        let mut listening = JoinSet::new();
        listening.spawn(desk.pass_on(sender));
        let (act, deeds) = (Act::new(mode), VecDeque::new());
        Acting { act, notify, desk, heard, _listening: listening, deeds, reply, replies, asking: None, count: 0 }
    }

    #[cfg(test)]
    pub fn desk(&self) -> &D {
        &self.desk
    }

    /// Waits for what comes next. Cancel-safe.
    pub async fn next(&mut self) -> News {
        let news = tokio::select! {
            Some(heard) = self.heard.recv() => return News::Heard(heard),
            Some(news) = self.replies.recv() => news,
        };
        if let News::Proved(number, ..) = news {
            self.asking.take_if(|asking| asking.number == number);
        }
        news
    }

    /// Has the rules take something, and keeps what is to be done.
    pub fn take<T>(&mut self, take: impl FnOnce(&mut Act, &mut dyn FnMut(Deed)) -> T) -> T {
        take(&mut self.act, &mut |deed| self.deeds.push_back(deed))
    }

    /// What is done at an alarm, and what suppresses it.
    pub fn status(&self) -> DecisionStatus {
        DecisionStatus::new(&self.act, self.notify.decisions)
    }

    pub fn show(&self, notice: Notice) {
        if self.notify.decisions {
            self.desk.show(notice.into());
        }
    }

    pub fn withdraw(&self) {
        self.desk.withdraw();
    }

    pub fn inform(&self, info: Info) {
        if self.notify.shows(info.topic()) {
            self.desk.inform(info);
        }
    }

    /// Completes once it has been said that capture has ended, if that is to be said.
    pub async fn informed_of_end(&self) {
        if self.notify.shows(Topic::Capture) {
            self.desk.informed().await;
        }
    }

    pub fn lock(&self) {
        self.answer_with(self.desk.lock(), News::Locked);
    }

    pub fn test_lock(&self, client: Client) {
        self.answer_with(self.desk.lock(), |locked| News::Tested(locked, client));
    }

    /// Has the password asked for, until the client has gone or a question of a higher rank takes its place; gives the
    /// question back where one that it cannot replace is being asked.
    pub fn prove(&mut self, question: Question) -> Result<(), Question> {
        let rank = question.rank();
        if self.asking.as_ref().is_some_and(|asking| asking.rank >= rank) {
            return Err(question);
        }
        let (subject, action) = match &question {
            Question::Client(request, client) => {
                let action = match request {
                    Request::Guest { .. } => Action::Guest,
                    Request::Pause { .. } => Action::Pause,
                    _ => Action::Confirm,
                };
                (Subject::Peer { pid: client.peer.pid, uid: client.peer.uid }, action)
            }
            Question::Notice => (Subject::Session, Action::Confirm),
        };
        let (end, ended) = oneshot::channel();
        self.count += 1;
        let number = self.count;
        self.asking = Some(Asking { number, rank, _end: end });
        let (authority, gone) = (self.desk.authorise(subject, action), question.gone());
        let answer = async move {
            tokio::select! {
                authority = authority => Some(authority),
                () = gone => None,
                _ = ended => None,
            }
        };
        self.answer_with(answer, move |authority| News::Proved(number, question, authority));
        Ok(())
    }

    fn answer_with<T: 'static>(
        &self,
        answer: impl Future<Output = T> + Send + 'static,
        news: impl FnOnce(T) -> News + Send + 'static,
    ) {
        let reply = self.reply.clone();
        // The agent may have ended meanwhile.
        tokio::spawn(async move { drop(reply.send(news(answer.await)).await) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::ports::{Answer, Evidence, Step, Words};
    use crate::recognition::Modality;
    use std::cell::RefCell;
    use std::rc::Rc;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    const OWN: Peer = Peer { pid: 7, uid: 1000 };

    /// A desk that answers at once, and what it was asked.
    #[derive(Clone, Default)]
    struct Simulated {
        authority: Option<Authority>,
        /// Nobody ever answers.
        is_slow: bool,
        asked: Rc<RefCell<Vec<(Subject, Action)>>>,
    }

    impl Desk for Simulated {
        fn pass_on(&self, _: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static {
            std::future::ready(())
        }

        fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
            let evidence = Some(Evidence::Hint);
            std::future::ready(Locked { tried: Vec::new(), by: Some(Step::Logind), evidence })
        }

        fn authorise(&self, subject: Subject, action: Action) -> impl Future<Output = Authority> + Send + 'static {
            self.asked.borrow_mut().push((subject, action));
            let (authority, is_slow) = (self.authority.unwrap_or(Authority::Absent), self.is_slow);
            async move { if is_slow { std::future::pending().await } else { authority } }
        }

        fn show(&self, _: Words) {}

        fn withdraw(&self) {}

        fn inform(&self, _: Info) {}

        fn informed(&self) -> impl Future<Output = ()> {
            std::future::ready(())
        }
    }

    #[test]
    fn where_it_locks_whoever_speaks_for_the_owner_proves_it_unless_it_is_root() {
        let guest = Request::Guest { until_us: 1 };
        let of_owner = [guest, Request::Pause { until_us: 1 }, Request::Confirm, Request::Forget(Modality::Both)];
        for request in &of_owner {
            assert!(must_prove(Mode::Lock, request, OWN, true), "{request:?}");
            assert!(!must_prove(Mode::Lock, request, Peer { uid: 0, ..OWN }, true), "{request:?}");
            assert!(!must_prove(Mode::Notify, request, OWN, true), "{request:?}");
            assert!(!must_prove(Mode::Observe, request, OWN, true), "{request:?}");
        }
        assert!(!must_prove(Mode::Lock, &Request::Confirm, OWN, false), "there is nothing to answer");
        // Whoever asks for these makes the agent see more, or only looks.
        for request in [Request::EndGuest, Request::Resume, Request::Check, Request::TestLock, Request::Export] {
            assert!(!must_prove(Mode::Lock, &request, OWN, true), "{request:?}");
        }
    }

    #[tokio::test]
    async fn one_password_is_asked_for_at_a_time_and_the_answer_comes_with_the_question() {
        for authority in [Authority::Granted, Authority::Denied, Authority::Absent] {
            let desk = Simulated { authority: Some(authority), ..Simulated::default() };
            let mut acting = Acting::new(Mode::Lock, config::Notify::default(), desk.clone());
            acting.prove(Question::Notice).expect("nobody else asks");
            acting.prove(Question::Notice).expect_err("one at a time");
            let news = acting.next().await;
            assert!(matches!(news, News::Proved(_, Question::Notice, came) if came == Some(authority)), "{news:?}");
            acting.prove(Question::Notice).expect("it was answered");
            assert_eq!(*desk.asked.borrow(), [(Subject::Session, Action::Confirm); 2]);
        }
    }

    /// A client that asks for this, and the end of its connection that is its own.
    fn client(request: Request) -> (Question, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (Question::Client(request, Client::over(ours, OWN)), theirs)
    }

    #[tokio::test]
    async fn who_asks_without_end_keeps_nobody_from_answering_an_alarm() {
        let desk = Simulated { is_slow: true, ..Simulated::default() };
        let mut acting = Acting::new(Mode::Lock, config::Notify::default(), desk);
        let guest = || client(Request::Guest { until_us: 1 });
        let (first, _theirs) = guest();
        acting.prove(first).expect("nobody else asks");
        let (me, _mine) = client(Request::Confirm);
        acting.prove(me).expect("it takes the guest's place");
        let replaced = acting.next().await;
        assert!(matches!(replaced, News::Proved(1, Question::Client(Request::Guest { .. }, _), None)), "{replaced:?}");
        let (guest, _theirs) = guest();
        acting.prove(guest).expect_err("the answer to the alarm is being asked for");
        let (again, _mine) = client(Request::Confirm);
        acting.prove(again).expect_err("one at a time");
        acting.prove(Question::Notice).expect("it takes the place of `me`");
        acting.next().await;
        acting.prove(Question::Notice).expect_err("one at a time");
    }

    #[tokio::test]
    async fn the_question_of_a_client_that_has_gone_is_taken_back_but_not_of_one_that_only_waits() {
        let desk = Simulated { is_slow: true, ..Simulated::default() };
        let mut acting = Acting::new(Mode::Lock, config::Notify::default(), desk);
        let (question, mut theirs) = client(Request::Confirm);
        acting.prove(question).expect("nobody else asks");
        theirs.shutdown().await.expect("its half");
        let waits = tokio::time::timeout(std::time::Duration::from_millis(50), acting.next()).await;
        assert!(waits.is_err(), "{waits:?}");
        drop(theirs);
        let news = acting.next().await;
        assert!(matches!(news, News::Proved(1, _, None)), "{news:?}");
        let (question, _theirs) = client(Request::Confirm);
        acting.prove(question).expect("nobody asks any more");
    }

    #[tokio::test]
    async fn what_came_of_a_lock_is_news_for_the_rules() {
        let mut acting = Acting::new(Mode::Lock, config::Notify::default(), Simulated::default());
        acting.take(|act, out| act.heard(Heard::Answered(Answer::Lock), out));
        assert_eq!(acting.deeds.pop_front(), Some(Deed::Lock));
        acting.lock();
        let news = acting.next().await;
        assert!(matches!(&news, News::Locked(locked) if locked.by == Some(Step::Logind)), "{news:?}");
    }
}
