//! What is learnt of the owner over restarts: from the live state or the database at the start, back to both meanwhile.

use super::live_state::{LiveState, NotKept};
use super::notify::ServiceManager;
use super::recogniser::Recogniser;
use crate::config;
use crate::now_us;
use crate::recognition::{BadState, Recognition, Saved, Settings};
use crate::record::Identity;
use crate::record::json::iso8601;
use crate::store::{ModelKind, Store, StoreError, StoredModel};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The database is written at most so often, but for the end and an answered alarm.
const SAVE_INTERVAL: Duration = Duration::from_secs(300);
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
    /// When learning began; ISO 8601.
    pub since: String,
}

#[derive(Debug)]
pub struct Keeper {
    store: Option<Store>,
    identity: Arc<Identity>,
    live: Result<LiveState, NotKept>,
    /// When the database was written, or would have been; `None` at first.
    saved: Instant,
    /// Of the blobs that were written last.
    hash: u64,
    since: String,
}

impl Keeper {
    /// Goes on with what is known of the owner. `None` where recognition is off.
    pub async fn start(
        config: &config::Recognition,
        store: Option<Store>,
        identity: Arc<Identity>,
        manager: &mut ServiceManager,
    ) -> Result<Option<(Recogniser, Keeper)>, StoreError> {
        if !config.enabled {
            LiveState::discard(manager);
            return Ok(None);
        }
        let live = LiveState::inherited_or_new(manager, LIVE_BYTES);
        let since = iso8601(now_us());
        let mut keeper = Keeper { store, identity, live, saved: Instant::now(), hash: 0, since };
        let stored = keeper.stored().await?;
        let recognition = match keeper.inherited(config.settings) {
            Some(recognition) => recognition,
            None => keeper.from_database(config.settings, stored).await?,
        };
        Ok(Some((Recogniser::new(recognition), keeper)))
    }

    async fn stored(&mut self) -> Result<Vec<StoredModel>, StoreError> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        let stored = store.models(&self.identity).await?;
        let since = stored.iter().filter_map(|model| Some(serde_json::from_str::<Counts>(&model.counts).ok()?.since));
        if let Some(since) = since.min() {
            self.since = since;
        }
        Ok(stored)
    }

    /// What the process before this one has left.
    fn inherited(&mut self, settings: Settings) -> Option<Recognition> {
        let live = self.live.as_mut().ok()?;
        let snapshot = live.read()?;
        let recognition = own_part(&self.identity, &snapshot).and_then(|part| Recognition::restore(settings, part));
        match recognition {
            Ok(recognition) => {
                tracing::info!("recognition goes on from where the last process left it");
                Some(recognition)
            }
            Err(error) => {
                tracing::warn!(%error, "the live state is not used; recognition goes on from the database");
                live.clear();
                None
            }
        }
    }

    /// What was stored, each kind by itself; what cannot be used is set aside, and learning begins anew.
    async fn from_database(&self, settings: Settings, stored: Vec<StoredModel>) -> Result<Recognition, StoreError> {
        let mut saved = Saved::empty();
        for model in stored {
            match part(settings, &model) {
                Ok(part) => saved.take(part),
                Err(error) => self.set_aside(model.kind, &error).await?,
            }
        }
        Ok(Recognition::new(settings, Some(&saved)).expect("each part was tried"))
    }

    async fn set_aside(&self, kind: ModelKind, error: &BadState) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let name = store.set_model_aside(&self.identity, kind).await?;
        let (kind, aside) = (kind.name(), name.unwrap_or_default());
        tracing::error!(%error, kind, aside, "the stored model is set aside in the table `models`, and learning begins anew");
        Ok(())
    }

    /// At the end of an interval with input: the live state, and the database if it is time.
    pub fn keep(&mut self, recognition: &Recognition) {
        self.keep_live(recognition);
        if self.saved.elapsed() >= SAVE_INTERVAL {
            self.save(recognition);
        }
    }

    /// Writes the database now, unless nothing was learnt since the last time.
    pub fn save(&mut self, recognition: &Recognition) {
        self.saved = Instant::now();
        let Some(store) = &self.store else { return };
        let models = models(&recognition.stored(), &self.since);
        let hash = hash_of(&models);
        if hash != self.hash {
            self.hash = hash;
            store.save_models(&self.identity, models);
        }
    }

    fn keep_live(&mut self, recognition: &Recognition) {
        if let Ok(live) = &mut self.live {
            live.write(&Zeroizing::new(recognition.snapshot(name(&self.identity))));
        }
    }

    /// The last time: whoever comes next goes on from here.
    pub fn finish(&mut self, recognition: &mut Recognition) {
        recognition.suspend();
        self.keep_live(recognition);
        self.save(recognition);
    }

    /// After `forget` or `import`: nothing of before is to be found again.
    pub fn begin_anew(&mut self, recognition: &Recognition) {
        if let Ok(live) = &mut self.live {
            live.clear();
        }
        self.since = iso8601(now_us());
        self.keep_live(recognition);
        self.save(recognition);
    }

    /// Why the live state does not survive a restart.
    pub fn live_trouble(&self) -> Option<String> {
        self.live.as_ref().err().map(ToString::to_string)
    }

    /// When learning began.
    pub fn since(&self) -> &str {
        &self.since
    }
}

/// The live state begins with whose it is.
fn own_part<'a>(identity: &Identity, bytes: &'a [u8]) -> Result<&'a [u8], BadState> {
    bytes.strip_prefix(&*name(identity)).ok_or_else(|| BadState::new("it is another user's or host's"))
}

fn name(identity: &Identity) -> Vec<u8> {
    format!("{}\0{}\0", identity.user, identity.host).into_bytes()
}

/// What a stored model adds.
fn part(settings: Settings, model: &StoredModel) -> Result<Saved, BadState> {
    let saved = Saved::from_json(&model.blob)?.part(model.kind == ModelKind::Keys);
    Recognition::new(settings, Some(&saved)).map(|_| saved)
}

/// The database's rows.
fn models(saved: &Saved, since: &str) -> Vec<StoredModel> {
    let updated_us = now_us();
    let model = |kind, learnt, sittings| StoredModel {
        kind,
        version: saved.version,
        blob: saved.part(kind == ModelKind::Keys).to_json(),
        counts: serde_json::to_string(&Counts { learnt, sittings, since: since.to_owned() })
            .expect("counts are numbers and a text"),
        updated_us,
    };
    vec![model(ModelKind::Keys, saved.strokes(), 0), model(ModelKind::Mouse, saved.actions(), saved.sittings)]
}

fn hash_of(models: &[StoredModel]) -> u64 {
    let mut hasher = DefaultHasher::new();
    models.iter().for_each(|model| model.blob.hash(&mut hasher));
    hasher.finish()
}
