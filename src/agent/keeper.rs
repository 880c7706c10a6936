//! What is learnt of the owner over restarts: from the live state or the database at the start, back to both meanwhile.

use super::control::{Answer, Model};
use super::live_state::{LiveState, NotKept};
use super::notify::ServiceManager;
use super::recogniser::Recogniser;
use super::recognition_status::{LiveStateStatus, RecognitionStatus};
use crate::config;
use crate::event::{Control, Micros};
use crate::now_us;
use crate::recognition::{BadState, Modality, Recognition, Saved, Settings, State};
use crate::record::Identity;
use crate::store::{ModelKind, Store, StoreError, StoredModel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The database is written at most so often, but for the end and an answered alarm.
const SAVE_INTERVAL: Duration = Duration::from_secs(300);
/// After an interval's end: by then its records have been delivered, which writing the state would hold up by some ms.
const DELAY: Duration = Duration::from_millis(50);
/// The live state of a person with many keys, twice.
const LIVE_BYTES: usize = 2 << 20;

/// What is shown with a model, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Strokes of the keys, actions of the mouse.
    pub learnt: u64,
    /// Of the mouse.
    #[serde(default)]
    pub sittings: u64,
    /// When learning began.
    pub since_us: Micros,
}

impl Counts {
    /// Those of a stored model; `None` if there are none to read.
    pub fn of(model: &StoredModel) -> Option<(ModelKind, Counts)> {
        Some((model.kind, serde_json::from_str(&model.counts).ok()?))
    }
}

#[derive(Debug)]
pub struct Keeper {
    store: Option<Store>,
    identity: Arc<Identity>,
    live: Result<LiveState, NotKept>,
    /// When the database was written, or would have been; `None` at first.
    saved: Instant,
    /// When what an interval has taught is to be kept.
    due: Option<Instant>,
    /// Of the blobs that were written last.
    hash: u64,
    /// When learning of each kind began, if that is stored.
    since_us: BTreeMap<ModelKind, Micros>,
    settings: Settings,
    /// Until when capture is paused; of the process before, until it is set anew.
    pub paused_until_us: Option<Micros>,
}

impl Keeper {
    /// Goes on with what is known of the owner. `None` where recognition is off.
    pub async fn start(
        config: &config::Recognition,
        store: Option<Store>,
        identity: Arc<Identity>,
        manager: &mut ServiceManager,
    ) -> Result<Option<(Box<Recogniser>, Keeper)>, StoreError> {
        if !config.enabled {
            LiveState::discard(manager);
            return Ok(None);
        }
        let live = LiveState::inherited_or_new(manager, LIVE_BYTES);
        let settings = config.settings;
        let (saved, since_us) = (Instant::now(), BTreeMap::new());
        let mut keeper =
            Keeper { store, identity, live, saved, due: None, hash: 0, since_us, settings, paused_until_us: None };
        let stored = keeper.stored().await?;
        // In any case: what cannot be used must not be overwritten.
        let of_database = keeper.load(stored).await?;
        let recognition = keeper.inherited().await?.unwrap_or(of_database);
        Ok(Some((Box::new(Recogniser::new(recognition)), keeper)))
    }

    async fn stored(&mut self) -> Result<Vec<StoredModel>, StoreError> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        let stored = store.models(&self.identity).await?;
        self.since_us = stored.iter().filter_map(Counts::of).map(|(kind, counts)| (kind, counts.since_us)).collect();
        Ok(stored)
    }

    /// What the process before this one has left.
    async fn inherited(&mut self) -> Result<Option<Recognition>, StoreError> {
        let forgotten_us = match &self.store {
            // Where the machine is locked the database, which any program of the account may write to, forgets nothing
            // that the agent knows: the agent itself is asked for that, with the password.
            Some(store) if !self.settings.password_only => store.models_forgotten_us().await?,
            _ => None,
        };
        let Ok(live) = &mut self.live else { return Ok(None) };
        let Some(snapshot) = live.read() else { return Ok(None) };
        let restored = own_part(&self.identity, forgotten_us, &snapshot)
            .and_then(|(paused_until_us, part)| Ok((paused_until_us, Recognition::restore(self.settings, part)?)));
        match restored {
            Ok((paused_until_us, recognition)) => {
                self.paused_until_us = paused_until_us;
                tracing::info!("recognition goes on from where the last process left it");
                Ok(Some(recognition))
            }
            Err(error) => {
                tracing::warn!(%error, "the live state is not used; recognition goes on from the database");
                live.clear();
                Ok(None)
            }
        }
    }

    /// What was stored, each kind by itself; what cannot be used is set aside, and learning begins anew.
    async fn load(&mut self, stored: Vec<StoredModel>) -> Result<Recognition, StoreError> {
        let mut saved = Saved::empty();
        for model in stored {
            match part(self.settings, &model) {
                Ok(part) => saved.take(part),
                Err(error) => {
                    self.since_us.remove(&model.kind);
                    self.set_aside(model.kind, &error).await?;
                }
            }
        }
        Ok(Recognition::new(self.settings, Some(&saved)).expect("each part was tried"))
    }

    async fn set_aside(&self, kind: ModelKind, error: &BadState) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let name = store.set_model_aside(&self.identity, kind).await?;
        let (kind, aside) = (kind.name(), name.unwrap_or_default());
        tracing::error!(%error, kind, aside, "the stored model is set aside in the table `models`, and learning begins anew");
        Ok(())
    }

    /// An interval with input has ended, which is kept soon; a state that has changed is kept before anybody hears of it.
    pub fn note(&mut self, is_decided: bool, recognition: &mut Recognition, now: Instant) {
        match is_decided {
            true => self.keep(recognition, now),
            false => _ = self.due.get_or_insert(now + DELAY),
        }
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    pub fn keep_if_due(&mut self, recognition: &mut Recognition, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.keep(recognition, now);
        }
    }

    /// The live state, and the database if it is time.
    pub fn keep(&mut self, recognition: &mut Recognition, now: Instant) {
        self.due = None;
        self.keep_live(recognition);
        if now.saturating_duration_since(self.saved) >= SAVE_INTERVAL {
            self.save(recognition, now);
        }
    }

    /// Writes the database, unless nothing was learnt since the last time.
    pub fn save(&mut self, recognition: &Recognition, now: Instant) {
        self.saved = now;
        let Some(store) = &self.store else { return };
        let now_us = now_us();
        let since_us = |kind| *self.since_us.entry(kind).or_insert(now_us);
        let models = models(recognition.stored(), since_us, now_us);
        let hash = hash_of(&models);
        if hash != self.hash {
            self.hash = hash;
            store.save_models(&self.identity, models);
        }
    }

    pub fn keep_live(&mut self, recognition: &mut Recognition) {
        if let Ok(live) = &mut self.live {
            let is_written = live.write(|file| {
                file.put(&name(&self.identity));
                file.put(&now_us().to_le_bytes());
                file.put(&self.paused_until_us.unwrap_or_default().to_le_bytes());
                recognition.snapshot(|bytes| file.put(bytes));
            });
            if !is_written {
                // The next process would prefer the one before to a database that is newer.
                live.clear();
            }
        }
    }

    /// Why the next process would find no live state, if it would not.
    pub fn live_state_trouble(&self) -> Option<String> {
        match &self.live {
            Err(reason) => Some(reason.to_string()),
            Ok(live) if live.is_empty() => Some("the live state could not be written".into()),
            Ok(_) => None,
        }
    }

    /// The last time, after [`Recognition::suspend`]: whoever comes next goes on from here.
    pub fn finish(&mut self, recognition: &mut Recognition) {
        self.keep_live(recognition);
        self.save(recognition, Instant::now());
    }

    /// What was learnt is replaced or forgotten: nothing of before is to be found in the live state again.
    fn renew_live(&mut self, recognition: &mut Recognition) {
        if let Ok(live) = &mut self.live {
            live.clear();
        }
        self.keep_live(recognition);
    }

    /// As it may be shown.
    pub fn status(&self, recognition: &Recognition) -> RecognitionStatus {
        let live_state = LiveStateStatus::from(&self.live);
        let since_us = self.since_us.values().min().copied();
        RecognitionStatus::new(&recognition.score(), &self.settings.readiness, since_us, live_state)
    }

    /// A password was given, or the owner has confirmed that it is him.
    pub fn unlock(&mut self, now_us: Micros, recogniser: &mut Recogniser) {
        recogniser.control(now_us, Control::Unlock);
        self.keep_live(&mut recogniser.recognition);
        self.save(&recogniser.recognition, Instant::now());
    }

    /// The owner's answer to an alarm.
    pub fn confirm(&mut self, now_us: Micros, recogniser: &mut Recogniser) -> Answer {
        let before = recogniser.recognition.score().state;
        if !matches!(before, State::Doubtful | State::Stranger) {
            return Answer::Done(format!("there is no alarm to answer: the state is `{}`", before.name()));
        }
        self.unlock(now_us, recogniser);
        let state = recogniser.recognition.score().state;
        Answer::Done(format!("confirmed: the state was `{}` and is `{}`", before.name(), state.name()))
    }

    /// Forgets the live state and what the store is about to write; what it has written goes with the future that is
    /// returned.
    pub fn forget(
        &mut self,
        what: Modality,
        now_us: Micros,
        recogniser: &mut Recogniser,
    ) -> impl Future<Output = Answer> + Send + 'static {
        recogniser.forget(now_us, what);
        let (store, identity, kinds) = (self.store.clone(), Arc::clone(&self.identity), ModelKind::of(what));
        self.renew_live(&mut recogniser.recognition);
        self.since_us.retain(|kind, _| !kinds.contains(kind));
        (self.hash, self.saved) = (0, Instant::now());
        async move {
            let Some(store) = store else { return Answer::Done("forgotten".into()) };
            forget_stored(store, identity, kinds, "forgotten; learning begins anew").await
        }
    }

    /// What is learnt, as it is stored.
    pub fn export(&self, recognition: &Recognition) -> Answer {
        self.audit("exported");
        Answer::Model(Model(Zeroizing::new(recognition.stored().to_json())))
    }

    /// Takes over a saved model, or the part of one that there is.
    pub fn import(&mut self, Model(model): &Model, now_us: Micros, recogniser: &mut Recogniser) -> Answer {
        let imported = Saved::from_json(model).and_then(|part| {
            if part.keys.is_none() && part.mouse.is_none() {
                return Err(BadState::new("it contains neither what is learnt of keys nor of a mouse"));
            }
            recogniser.import(now_us, &part)?;
            Ok(part)
        });
        match imported {
            Ok(part) => {
                let is_replaced =
                    |kind| if kind == ModelKind::Keys { part.keys.is_some() } else { part.mouse.is_some() };
                self.since_us.retain(|&kind, _| !is_replaced(kind));
                self.renew_live(&mut recogniser.recognition);
                self.save(&recogniser.recognition, Instant::now());
                self.audit("imported");
                Answer::Done("imported; the agent goes on from this model".into())
            }
            Err(error) => Answer::Refused(format!("nothing is imported: {error}")),
        }
    }

    /// Whoever sits at the machine may copy or replace the model: its owner sees afterwards that it was done.
    fn audit(&self, what: &'static str) {
        if let Some(store) = &self.store {
            store.audit("model", what);
        }
    }
}

/// Forgets what is stored of these kinds, and answers that it is `done`.
pub async fn forget_stored(store: Store, identity: Arc<Identity>, kinds: &[ModelKind], done: &str) -> Answer {
    match store.forget_models(&identity, kinds).await {
        Ok(_) => Answer::Done(done.into()),
        Err(error) => Answer::Refused(format!("not forgotten in the database: {error}")),
    }
}

/// The live state begins with whose it is, when it was written, and until when capture is paused. What was forgotten since
/// it was written must not come back.
fn own_part<'a>(
    identity: &Identity,
    forgotten_us: Option<Micros>,
    bytes: &'a [u8],
) -> Result<(Option<Micros>, &'a [u8]), BadState> {
    let is_cut = || BadState::new("it is cut off");
    let rest = bytes.strip_prefix(&*name(identity)).ok_or_else(|| BadState::new("it is another user's or host's"))?;
    let (written_us, rest) = rest.split_first_chunk().ok_or_else(is_cut)?;
    if forgotten_us >= Some(Micros::from_le_bytes(*written_us)) {
        return Err(BadState::new("the model was forgotten since it was written"));
    }
    let (until_us, snapshot) = rest.split_first_chunk().ok_or_else(is_cut)?;
    let until_us = Micros::from_le_bytes(*until_us);
    Ok(((until_us > 0).then_some(until_us), snapshot))
}

fn name(identity: &Identity) -> Vec<u8> {
    format!("{}\0{}\0", identity.user, identity.host).into_bytes()
}

/// What a stored model adds.
fn part(settings: Settings, model: &StoredModel) -> Result<Saved, BadState> {
    let [keys, mouse] = Saved::from_json(&model.blob)?.into_parts();
    let saved = if model.kind == ModelKind::Keys { keys } else { mouse };
    Recognition::new(settings, Some(&saved)).map(|_| saved)
}

/// The database's rows.
fn models(saved: Saved, mut since_us: impl FnMut(ModelKind) -> Micros, updated_us: Micros) -> Vec<StoredModel> {
    let mut model = |kind, part: Saved, learnt| {
        let counts = Counts { learnt, sittings: part.sittings, since_us: since_us(kind) };
        let counts = serde_json::to_string(&counts).expect("counts are numbers");
        StoredModel { kind, version: part.version, blob: part.to_json(), counts, updated_us }
    };
    let (strokes, actions) = (saved.strokes(), saved.actions());
    let [keys, mouse] = saved.into_parts();
    vec![model(ModelKind::Keys, keys, strokes), model(ModelKind::Mouse, mouse, actions)]
}

fn hash_of(models: &[StoredModel]) -> u64 {
    let mut hasher = DefaultHasher::new();
    models.iter().for_each(|model| model.blob.hash(&mut hasher));
    hasher.finish()
}
