//! What outlives the process: the saved state, which may be stored, and the snapshot, which may not.

use super::decision::Decision;
use super::keys::{Model, SavedKeys};
use super::mouse::{Level, Owner, SavedMouse};
use super::state::Settings;
use serde::{Deserialize, Serialize};

/// Version of the saved state.
pub const VERSION: u32 = 1;
/// Version of the snapshot: to be changed whenever a type in it changes.
const LAYOUT: u32 = 2;

/// A state that cannot be gone on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model cannot be used: {0}")]
pub struct BadState(pub(crate) String);

/// What is learnt of the owner: of the keys only from strokes that may teach. Its JSON is the definition's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    #[serde(default = "first_version")]
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SavedKeys>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mouse: Option<SavedMouse>,
    /// The owner's level and spread of the mouse's log odds: samples, mean, mean of squares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Sittings that have taught the mouse's model.
    #[serde(default)]
    pub sittings: u64,
}

impl BadState {
    pub fn new(what: impl Into<String>) -> BadState {
        BadState(what.into())
    }
}

fn first_version() -> u32 {
    VERSION
}

impl Saved {
    /// Reads its JSON.
    ///
    /// # Errors
    /// It is none, or of a newer version.
    pub fn from_json(text: &[u8]) -> Result<Saved, BadState> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(default = "first_version")]
            version: u32,
        }
        let Version { version } = serde_json::from_slice(text).map_err(|error| bad_json(&error))?;
        check_version(version)?;
        serde_json::from_slice(text).map_err(|error| bad_json(&error))
    }

    /// Of nobody.
    pub fn empty() -> Saved {
        Saved { version: VERSION, keys: None, mouse: None, level: None, sittings: 0 }
    }

    /// What of it concerns the keys, or the mouse.
    pub fn part(&self, of_keys: bool) -> Saved {
        if of_keys { Saved { keys: self.keys.clone(), ..Saved::empty() } } else { Saved { keys: None, ..self.clone() } }
    }

    /// Takes over what another one contains.
    pub fn take(&mut self, other: Saved) {
        if other.keys.is_some() {
            self.keys = other.keys;
        }
        if other.mouse.is_some() {
            (self.mouse, self.level, self.sittings) = (other.mouse, other.level, other.sittings);
        }
    }

    /// Strokes that have taught it.
    pub fn strokes(&self) -> u64 {
        self.keys.as_ref().map_or(0, |keys| keys.strokes)
    }

    /// Actions of the mouse that have taught it.
    pub fn actions(&self) -> u64 {
        self.mouse.as_ref().map_or(0, |mouse| mouse.actions as u64)
    }

    /// Writes its JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a state holds only numbers")
    }
}

/// Says where, and never what stands there.
fn bad_json(error: &serde_json::Error) -> BadState {
    BadState(format!("line {}, column {} of its JSON does not fit", error.line(), error.column()))
}

fn check_version(version: u32) -> Result<(), BadState> {
    match version {
        VERSION => Ok(()),
        newer => Err(BadState(format!("it is of version {newer}, and this program knows version {VERSION}"))),
    }
}

pub(super) fn of(decision: &Decision) -> Saved {
    Saved {
        version: VERSION,
        keys: Some(decision.keys.save()),
        mouse: Some(decision.owner.save()),
        level: Some(decision.level),
        sittings: decision.sittings,
    }
}

/// The same with all that is known by now, as it is stored.
pub(super) fn stored(decision: &Decision) -> Saved {
    Saved { keys: Some(decision.stored_keys()), ..of(decision) }
}

pub(super) fn decision(settings: Settings, saved: Option<&Saved>) -> Result<Decision, BadState> {
    let Some(saved) = saved else {
        return Ok(Decision::new(settings, Model::new(), Owner::new(), Level::default(), 0));
    };
    check_version(saved.version)?;
    let keys = saved.keys.as_ref().map_or_else(|| Ok(Model::new()), Model::load)?;
    let owner = saved.mouse.as_ref().map_or_else(|| Ok(Owner::new()), Owner::load)?;
    let level = saved.level.unwrap_or_default();
    Ok(Decision::new(settings, keys, owner, level, saved.sittings))
}

/// The live state as bytes.
pub(super) fn snapshot(decision: &Decision, begin: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(&(LAYOUT, decision), begin).expect("memory is all that it takes")
}

pub(super) fn restored(snapshot: &[u8]) -> Result<Decision, BadState> {
    let unreadable = |_| BadState("its bytes are not a live state of this program".to_owned());
    match postcard::take_from_bytes(snapshot).map_err(unreadable)? {
        (LAYOUT, rest) => postcard::from_bytes(rest).map_err(unreadable),
        _ => Err(BadState("the live state is one of another version of this program".into())),
    }
}
