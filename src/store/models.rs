//! What recognition has learnt of a person: a blob for each kind of input, written in the background.

use super::forget::EVERYTHING;
use super::open::read_only;
use super::{Command, Reply, Store, StoreError, schema};
use crate::event::Micros;
use crate::now_us;
use crate::recognition::Modality;
use crate::record::Identity;
use crate::record::json::iso8601;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A larger one is refused.
pub const LARGEST_MODEL_BYTES: usize = 8 << 20;
/// How many models of a kind that were set aside are kept.
const ASIDE: usize = 3;
/// What stands between a kind and the time at which a model was set aside.
const MARK: &str = ".damaged-";

/// How the audit log's lines about forgotten models begin.
const FORGOTTEN: &str = "model of ";

/// What a model is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelKind {
    Keys,
    Mouse,
}

impl ModelKind {
    pub const ALL: [ModelKind; 2] = [ModelKind::Keys, ModelKind::Mouse];

    /// The kinds that are of this input.
    pub fn of(modality: Modality) -> &'static [ModelKind] {
        match modality {
            Modality::Keys => &[ModelKind::Keys],
            Modality::Mouse => &[ModelKind::Mouse],
            Modality::Both => &ModelKind::ALL,
        }
    }

    /// As in the database.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Keys => "keys",
            ModelKind::Mouse => "mouse",
        }
    }
}

/// A model as the database keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredModel {
    pub kind: ModelKind,
    /// Of the blob's form.
    pub version: u32,
    pub blob: Vec<u8>,
    /// What is learnt, for people: a small JSON object.
    pub counts: String,
    /// When it was what it is; microseconds since the Unix epoch.
    pub updated_us: Micros,
}

/// A model tells of keys, so its content is never shown.
impl fmt::Debug for StoredModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredModel(…)")
    }
}

/// By user, host and kind.
type Models = BTreeMap<(String, String, ModelKind), StoredModel>;

/// Models that wait to be written, the newest of each kind.
#[derive(Debug, Default)]
pub struct Waiting {
    models: Mutex<Models>,
    /// Whether the store's thread is going to look for them: one command is enough for all.
    is_announced: AtomicBool,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, identity: &Identity, model: StoredModel) -> Result<(), StoreError> {
        if model.blob.len() > LARGEST_MODEL_BYTES {
            return Err(StoreError::ModelTooLarge { kind: model.kind.name(), bytes: model.blob.len() });
        }
        self.lock().insert((identity.user.clone(), identity.host.clone(), model.kind), model);
        Ok(())
    }

    pub fn take(&self) -> Models {
        self.is_announced.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.lock())
    }

    /// Has them wait again, but for those that newer ones wait in place of.
    pub fn put_back(&self, models: Models) {
        let mut waiting = self.lock();
        models.into_iter().for_each(|(key, model)| _ = waiting.entry(key).or_insert(model));
    }

    pub fn forget(&self, identity: &Identity, kinds: &[ModelKind]) {
        self.lock()
            .retain(|(user, host, kind), _| *user != identity.user || *host != identity.host || !kinds.contains(kind));
    }
}

/// What the store's thread is asked to do with models.
#[derive(Debug)]
pub enum ModelsCommand {
    /// Writes those that wait.
    Save {
        reply: Option<Reply<()>>,
    },
    Read {
        identity: Identity,
        reply: Reply<Vec<StoredModel>>,
    },
    Forgotten {
        reply: Reply<Option<Micros>>,
    },
    SetAside {
        identity: Identity,
        kind: ModelKind,
        reply: Reply<Option<String>>,
    },
    Forget {
        identity: Identity,
        kinds: Vec<ModelKind>,
        reply: Reply<usize>,
    },
}

impl Store {
    /// Has models written in place of those before, without ever waiting. Where that fails, they wait for the next
    /// record, the next call or [`Store::close`], unless newer ones take their place until then.
    pub fn save_models(&self, identity: &Identity, models: Vec<StoredModel>) {
        for model in models {
            if let Err(error) = self.waiting.put(identity, model) {
                tracing::error!(%error, "a model is not saved");
            }
        }
        if self.waiting.is_announced.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.commands.try_send(Command::Models(ModelsCommand::Save { reply: None })).is_err() {
            self.waiting.is_announced.store(false, Ordering::Relaxed);
            tracing::debug!("models are saved with the next records");
        }
    }

    /// As [`Store::save_models`], but returns once they are committed.
    pub async fn write_models(&self, identity: &Identity, models: Vec<StoredModel>) -> Result<(), StoreError> {
        models.into_iter().try_for_each(|model| self.waiting.put(identity, model))?;
        self.ask(|reply| Command::Models(ModelsCommand::Save { reply: Some(reply) })).await
    }

    /// The models of this user on this host, at most one of each kind.
    pub async fn models(&self, identity: &Identity) -> Result<Vec<StoredModel>, StoreError> {
        let identity = identity.clone();
        self.ask(|reply| Command::Models(ModelsCommand::Read { identity, reply })).await
    }

    /// When models were last forgotten; microseconds since the Unix epoch.
    pub async fn models_forgotten_us(&self) -> Result<Option<Micros>, StoreError> {
        self.ask(|reply| Command::Models(ModelsCommand::Forgotten { reply })).await
    }

    /// Gives a model that cannot be read another kind in the database, so that learning begins anew and nothing is lost;
    /// the name of that kind, or `None` where there is no model. Of those set aside the last three are kept.
    pub async fn set_model_aside(&self, identity: &Identity, kind: ModelKind) -> Result<Option<String>, StoreError> {
        let identity = identity.clone();
        self.ask(|reply| Command::Models(ModelsCommand::SetAside { identity, kind, reply })).await
    }

    /// Deletes the models of these kinds, those set aside and those that wait to be written among them, so that nothing
    /// of them is left in the database's files; how many were stored.
    pub async fn forget_models(&self, identity: &Identity, kinds: &[ModelKind]) -> Result<usize, StoreError> {
        let (identity, kinds) = (identity.clone(), kinds.to_vec());
        self.ask(|reply| Command::Models(ModelsCommand::Forget { identity, kinds, reply })).await
    }
}

/// The models in a database that an agent may be using; none in one that no agent of this version has opened yet.
pub fn read_models(path: &Path, identity: &Identity) -> Result<Vec<StoredModel>, StoreError> {
    let connection = read_only(path)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        schema::VERSION => Ok(read(&connection, identity)?),
        older if older < schema::VERSION => Ok(Vec::new()),
        newer => Err(StoreError::Newer { found: newer, known: schema::VERSION }),
    }
}

pub fn read(connection: &Connection, identity: &Identity) -> rusqlite::Result<Vec<StoredModel>> {
    let sql = "SELECT version, blob, counts, updated FROM models WHERE user = ?1 AND host = ?2 AND kind = ?3";
    let mut statement = connection.prepare(sql)?;
    let mut models = Vec::new();
    for kind in ModelKind::ALL {
        let rows = statement.query_map((&identity.user, &identity.host, kind.name()), |row| {
            // Another program may have written here, any number and bytes that are no UTF-8.
            let version = u32::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            let counts = String::from_utf8_lossy(row.get_ref(2)?.as_bytes()?).into_owned();
            Ok(StoredModel { kind, version, blob: row.get(1)?, counts, updated_us: row.get(3)? })
        })?;
        for model in rows {
            models.push(model?);
        }
    }
    Ok(models)
}

/// By the audit log. Nothing can have been forgotten at a time to come: whoever has written that would have it forgotten
/// for ever.
pub fn forgotten_us(connection: &Connection) -> rusqlite::Result<Option<Micros>> {
    let sql =
        "SELECT max(ts) FROM audit_log WHERE event = 'forget' AND (detail LIKE ?1 OR detail LIKE ?2) AND ts <= ?3";
    connection.query_row(sql, (format!("{EVERYTHING}: %"), format!("{FORGOTTEN}%"), now_us()), |row| row.get(0))
}

pub fn write(connection: &mut Connection, models: &Models) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for ((user, host, kind), model) in models {
        let StoredModel { version, blob, counts, updated_us, .. } = model;
        let sql = "INSERT INTO models (user, host, kind, version, blob, counts, updated) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET version = excluded.version, \
                   blob = excluded.blob, counts = excluded.counts, updated = excluded.updated";
        transaction.execute(sql, (user, host, kind.name(), version, blob, counts, updated_us))?;
    }
    transaction.commit()
}

pub fn set_aside(
    connection: &mut Connection,
    identity: &Identity,
    kind: ModelKind,
) -> rusqlite::Result<Option<String>> {
    let now_us = now_us();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (user, host, name) = (&identity.user, &identity.host, kind.name());
    let aside = format!("{name}{MARK}{}", iso8601(now_us));
    let sql = "UPDATE models SET kind = ?4 WHERE user = ?1 AND host = ?2 AND kind = ?3";
    if transaction.execute(sql, (user, host, name, &aside))? == 0 {
        return Ok(None);
    }
    let old = all_aside(&transaction, identity, kind)?.into_iter().rev().skip(ASIDE);
    delete(&transaction, identity, old)?;
    schema::audit(&transaction, now_us, "model", &format!("{name} set aside as {aside}"))?;
    transaction.commit()?;
    Ok(Some(aside))
}

/// How many were deleted, and whether another program still reads what the log contains of them.
pub fn forget(
    connection: &mut Connection,
    identity: &Identity,
    kinds: &[ModelKind],
) -> rusqlite::Result<(usize, bool)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut deleted = 0;
    for &kind in kinds {
        let all = all_aside(&transaction, identity, kind)?.into_iter().chain([kind.name().to_owned()]);
        let count = delete(&transaction, identity, all)?;
        schema::audit(&transaction, now_us(), "forget", &format!("{FORGOTTEN}{}: {count}", kind.name()))?;
        deleted += count;
    }
    transaction.commit()?;
    // `secure_delete` has overwritten the rows; the log may contain them still.
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok((deleted, is_busy))
}

/// The names of models of a kind that were set aside, in order of time.
fn all_aside(transaction: &Transaction<'_>, identity: &Identity, kind: ModelKind) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT kind FROM models WHERE user = ?1 AND host = ?2 AND kind GLOB ?3 ORDER BY kind";
    let mut statement = transaction.prepare(sql)?;
    let names = (&identity.user, &identity.host, format!("{}{MARK}*", kind.name()));
    statement.query_map(names, |row| row.get(0))?.collect()
}

fn delete(
    transaction: &Transaction<'_>,
    identity: &Identity,
    names: impl Iterator<Item = String>,
) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM models WHERE user = ?1 AND host = ?2 AND kind = ?3";
    names.map(|name| transaction.execute(sql, (&identity.user, &identity.host, name))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Identity {
        Identity { user: "ann".into(), host: "desk".into(), dev_mode: false }
    }

    fn model(kind: ModelKind, byte: u8) -> StoredModel {
        StoredModel { kind, version: 1, blob: vec![byte], counts: "{}".into(), updated_us: 1 }
    }

    #[test]
    fn of_models_that_wait_the_newest_of_each_kind_is_left() {
        let waiting = Waiting::default();
        for (kind, byte) in [(ModelKind::Keys, 1), (ModelKind::Mouse, 2), (ModelKind::Keys, 3)] {
            waiting.put(&somebody(), model(kind, byte)).expect("a small one");
        }
        let taken = waiting.take();
        assert_eq!(taken.values().map(|model| model.blob[0]).collect::<Vec<_>>(), [3, 2]);
        assert!(waiting.take().is_empty());
        waiting.put(&somebody(), model(ModelKind::Keys, 4)).expect("a small one");
        waiting.put_back(taken);
        assert_eq!(waiting.take().values().map(|model| model.blob[0]).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn a_model_shows_nothing_of_its_content() {
        assert_eq!(format!("{:?}", model(ModelKind::Keys, 65)), "StoredModel(…)");
    }
}
