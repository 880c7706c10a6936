use super::*;
use crate::act::Mode;
use crate::act::board::Info;
use crate::act::ports::{self, Action, Subject, Words};
use crate::agent::acting::Acting;
use crate::agent::feed::Feed;
use crate::agent::followers::Followers;
use crate::agent::hardening::Hardening;
use crate::agent::health::Health;
use crate::agent::keeper::Keeper;
use crate::agent::lookers::Lookers;
use crate::agent::losses::Losses;
use crate::agent::notify::ServiceManager;
use crate::agent::outlet::{Outlet, Show};
use crate::agent::recogniser::Recogniser;
use crate::agent::watchers::Watchers;
use crate::agent::{LAST_NOTICE_LIMIT, windows_of};
use crate::config;
use crate::event::{Event, GapReason, Scope, Stamped, json};
use crate::recognition::{Recognition, Saved, Settings};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::Devices;
use crate::sources::timer::Timer;
use std::cell::RefCell;
use std::future::ready;
use tokio::sync::mpsc;
use tokio::time::Instant;

const CONFIG: &str = "[recognition]\nenabled = true\n[x11]\nenabled = false\n";
const OWNER: &[u8] = include_bytes!("../../../tests/recognition/golden/owner.state.json");

/// A desk at which nothing can lock or ask, and what it was to show.
#[derive(Default)]
struct Simulated {
    shown: RefCell<Vec<Words>>,
    said: RefCell<Vec<Info>>,
}

impl Desk for Simulated {
    fn pass_on(&self, _: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static {
        ready(())
    }

    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
        ready(Locked::default())
    }

    fn authorise(&self, _: Subject, _: Action) -> impl Future<Output = Authority> + Send + 'static {
        ready(Authority::Absent)
    }

    fn show(&self, words: Words) {
        self.shown.borrow_mut().push(words);
    }

    fn withdraw(&self) {}

    fn inform(&self, info: Info) {
        self.said.borrow_mut().push(info);
    }

    fn informed(&self) -> impl Future<Output = ()> {
        ready(())
    }
}

/// An agent that knows its owner, without devices or a store.
async fn agent(mode: Mode) -> Agent<Simulated> {
    agent_that_shows(mode, config::Notify::default()).await
}

async fn agent_that_shows(mode: Mode, notify: config::Notify) -> Agent<Simulated> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, CONFIG).expect("room");
    let config = config::read(Some(&file), &config::Environment::new()).expect("a configuration").config;
    let outlet = Outlet::new(Arc::new(config.identity.clone()), None, Show::Nothing);
    let windows = windows_of(&config.window);
    let mut feed =
        Feed::with_history(Origin::Device, windows, config.keystroke.publish, &outlet).await.expect("a feed");
    let mut manager = ServiceManager::of_this_process();
    let owner = Keeper::start(&config.recognition, None, Arc::clone(&outlet.identity), &mut manager).await;
    let (_, keeper) = owner.expect("no store").expect("recognition is on");
    let owner = Saved::from_json(OWNER).expect("a model");
    let recognition = Recognition::new(Settings::default(), Some(&owner)).expect("a model");
    feed.recogniser = Some(Box::new(Recogniser::new(recognition)));
    let devices = Devices::open_in(folder.path(), &config.devices).expect("a folder without devices");
    let clock = EventClock::new().expect("a clock");
    Agent {
        capture: Capture::start(devices, clock, &config.x11, &config.keyboard),
        feed,
        keeper: Some(keeper),
        acting: Acting::new(mode, notify, Simulated::default()),
        watchers: Watchers::default(),
        lookers: Lookers::default(),
        judged_us: None,
        database: config.store.path.clone(),
        injected: None,
        outlet,
        losses: Losses::default(),
        followers: Followers::default(),
        health: Health::default(),
        hardening: Hardening::default(),
        started: Instant::now(),
        last_notice_limit: LAST_NOTICE_LIMIT,
        timer: Timer::new().expect("a timer"),
        batch: Vec::new(),
    }
}

/// Somebody else takes over.
fn takeover() -> impl Iterator<Item = Stamped> {
    let lines = include_str!("../../../tests/recognition/golden/takeover.jsonl").lines();
    let events = lines.map(|line| json::parse(line.as_bytes()).expect("an event"));
    events.filter(|stamped| !matches!(stamped.event, Event::Control(_)))
}

impl Agent<Simulated> {
    fn take(&mut self, stamped: Stamped) {
        self.batch.push(stamped);
        self.take_events();
    }

    fn hear(&mut self, heard: Heard) {
        self.take_news(News::Heard(heard));
    }

    fn state(&self) -> State {
        self.feed.recogniser.as_ref().expect("recognition is on").recognition.score().state
    }
}

#[tokio::test]
async fn input_that_comes_through_while_the_session_is_locked_is_not_judged() {
    let mut agent = agent(Mode::Lock).await;
    agent.hear(Heard::Locked);
    takeover().for_each(|stamped| agent.take(stamped));
    assert_eq!(agent.state(), State::Owner);
    assert!(agent.feed.events().keystroke > 1_000, "{:?}", agent.feed.events());
    agent.hear(Heard::Unlocked);
    takeover().for_each(|stamped| agent.take(stamped));
    assert_eq!(agent.state(), State::Stranger, "judged again");
}

#[tokio::test]
async fn an_alarm_from_before_the_lock_stays_until_the_unlock() {
    let mut agent = agent(Mode::Observe).await;
    let mut events = takeover();
    while agent.state() != State::Stranger {
        agent.take(events.next().expect("an alarm"));
    }
    agent.hear(Heard::Locked);
    events.for_each(|stamped| agent.take(stamped));
    assert_eq!(agent.state(), State::Stranger);
    agent.hear(Heard::Unlocked);
    assert_eq!(agent.state(), State::Owner);
}

#[tokio::test]
async fn the_button_says_what_to_do_where_nothing_can_ask_for_the_password() {
    let mut agent = agent(Mode::Lock).await;
    let mut events = takeover();
    while agent.state() != State::Stranger {
        agent.take(events.next().expect("an alarm"));
    }
    agent.hear(Heard::Answered(ports::Answer::ItIsMe));
    let news = agent.acting.next().await;
    agent.take_news(news);
    assert_eq!(agent.state(), State::Stranger);
    let shown = agent.acting.desk().shown.borrow();
    let [first, again] = &shown[..] else { panic!("{shown:?}") };
    assert!(!first.body.contains("seclyzer me") && again.body.contains("seclyzer me"), "{again:?}");
}

#[tokio::test]
async fn only_what_the_configuration_names_is_shown() {
    let pause = Deed::Inform(Info::Paused { until_us: 7 });
    let fails = Deed::Inform(Info::DatabaseFails);
    let asks = Deed::Show(ports::Notice::Alarm { contested: false, can_ask: true });
    let told = async |notify| {
        let mut agent = agent_that_shows(Mode::Notify, notify).await;
        agent.acting.deeds.extend([pause, fails, Deed::Inform(Info::CaptureBegan), asks]);
        agent.carry_out();
        let desk = agent.acting.desk();
        (desk.said.borrow().clone(), desk.shown.borrow().len())
    };
    let by_default = told(config::Notify::default()).await;
    assert_eq!(by_default, (vec![Info::Paused { until_us: 7 }, Info::DatabaseFails], 1));
    let nothing = config::Notify { capture: false, pause: false, failures: false, sinks: false, decisions: false };
    assert_eq!(told(nothing).await, (vec![], 0));
    assert_eq!(told(config::Notify { capture: true, ..nothing }).await, (vec![Info::CaptureBegan], 0));
}

#[tokio::test]
async fn devices_that_may_not_be_read_are_said_in_place_of_the_beginning_and_not_in_a_pause() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("event0"), "").expect("a file");
    let config = config::Devices { include: vec![], exclude: vec![] };
    let refused = || Devices::open_in(folder.path(), &config).expect("a folder");
    let all = config::Notify { capture: true, ..config::Notify::default() };

    let mut fails = agent_that_shows(Mode::Observe, all).await;
    fails.capture.devices = refused();
    fails.announce();
    fails.take_batch();
    assert_eq!(*fails.acting.desk().said.borrow(), [Info::DevicesRefused]);

    let mut paused = agent_that_shows(Mode::Observe, all).await;
    let now_us = paused.capture.now_us();
    let until_us = now_us + 60_000_000;
    paused.acting.take(|act, out| act.begin_pause(now_us, until_us, out));
    paused.carry_out();
    paused.capture.devices = refused();
    paused.announce();
    assert_eq!(*paused.acting.desk().said.borrow(), [Info::Paused { until_us }]);
    paused.acting.take(|act, out| act.end_pause(out));
    paused.carry_out();
    assert_eq!(paused.acting.desk().said.borrow()[1..], [Info::DevicesRefused, Info::Resumed]);

    let mut works = agent_that_shows(Mode::Observe, all).await;
    works.announce();
    assert_eq!(*works.acting.desk().said.borrow(), [Info::CaptureWaits], "there is no device");
}

#[tokio::test]
async fn a_clock_that_was_set_back_moves_the_end_of_a_pause() {
    for reason in [GapReason::ClockStep, GapReason::Suspend] {
        let mut agent = agent(Mode::Observe).await;
        // The clock has shown that before.
        let then_us = agent.capture.now_us() + 1_000 * span::LONGEST_US;
        agent.acting.take(|act, out| act.begin_pause(then_us, then_us + 1, out));
        agent.carry_out();
        let ts_us = agent.capture.now_us();
        agent.take(Stamped { ts_us, event: Event::Gap { scope: Scope::All, reason } });
        let until_us = agent.acting.act.paused_until_us().expect("still paused");
        assert!(until_us <= agent.capture.now_us() + span::LONGEST_US, "{reason:?}");
    }
}

#[test]
fn an_age_is_never_less_than_it_is() {
    assert_eq!([-1, 0, 1, 5_000_000, 5_000_001, 64_000_000].map(age_s), [0, 0, 5, 5, 10, 65]);
}
