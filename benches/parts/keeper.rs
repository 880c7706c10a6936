//! What keeps what is learnt: the live state every five seconds of use, the database every five minutes.

use crate::owner;
use crate::workload;
use criterion::Criterion;
use seclyzer::agent::control::Model;
use seclyzer::agent::keeper::Keeper;
use seclyzer::agent::notify::ServiceManager;
use seclyzer::agent::recogniser::Recogniser;
use seclyzer::config;
use seclyzer::event::{Control, Micros};
use seclyzer::recognition::Settings;
use seclyzer::record::Identity;
use seclyzer::store::Store;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

const MINUTE_US: Micros = 60_000_000;

/// A service manager that stores nothing; without one there is no live state.
pub fn start_manager() {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    let socket = UnixDatagram::bind(folder.join("notify")).expect("a socket");
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var("NOTIFY_SOCKET", folder.join("notify")) };
    std::thread::spawn(move || while socket.recv(&mut [0; 256]).is_ok() {});
}

pub fn measure(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = config::Store { path: folder.path().join("seclyzer.db"), retention: None };
    let store = Store::open(&settings).expect("a new database");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let identity = Arc::new(Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false });
    let enabled = config::Recognition { enabled: true, settings: Settings::default() };
    let mut manager = ServiceManager::of_this_process();
    let begun = Keeper::start(&enabled, Some(store.clone()), Arc::clone(&identity), &mut manager);
    let (mut recogniser, mut keeper) = runtime.block_on(begun).expect("an empty store").expect("it is on");
    keeper.import(&Model(Zeroizing::new(owner::many_keys())), workload::START_US, &mut recogniser);

    criterion.bench_function("live state, many keys", |bencher| {
        bencher.iter(|| keeper.keep(&mut recogniser.recognition, tokio::time::Instant::now()))
    });
    let mut learn = Learning { now_us: workload::START_US };
    for (name, is_committed) in [("model saved, agent's own thread", false), ("model saved, committed", true)] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                (0..times)
                    .map(|_| {
                        learn.more(&mut recogniser);
                        save(&runtime, &store, &identity, &mut keeper, &recogniser, is_committed)
                    })
                    .sum()
            });
        });
    }
}

fn save(
    runtime: &Runtime,
    store: &Store,
    identity: &Identity,
    keeper: &mut Keeper,
    recogniser: &Recogniser,
    is_committed: bool,
) -> Duration {
    let begun = Instant::now();
    keeper.save(&recogniser.recognition, tokio::time::Instant::now());
    let handed_over = begun.elapsed();
    // The store's thread answers once it has written what came before.
    runtime.block_on(store.models(identity)).expect("models");
    if is_committed { begun.elapsed() } else { handed_over }
}

/// Somebody who types, and confirms that it is the owner.
struct Learning {
    now_us: Micros,
}

impl Learning {
    fn more(&mut self, recogniser: &mut Recogniser) {
        for event in workload::decoded(&workload::typing(self.now_us, MINUTE_US, owner::KEYS)) {
            recogniser.push(&event);
        }
        self.now_us += MINUTE_US;
        for control in [Control::Unlock, Control::Lock] {
            recogniser.control(self.now_us, control);
        }
        recogniser.outputs().for_each(drop);
        self.now_us += MINUTE_US;
    }
}
