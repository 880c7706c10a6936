//! What outlives the process: the saved state, which may be stored, and the snapshot, which may not.

use super::decision::{Decision, Learnt};
use super::keys::{Model, SavedKeys};
use super::mouse::{Level, Owner, SavedMouse};
use super::state::Settings;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Version of the saved state.
pub const VERSION: u32 = 1;
/// No sum of values, squares or evidence comes near this.
pub(super) const MOST_SUMMED: f64 = 1e12;
/// The most that anything is counted to in a state: whole numbers up to here are the same in every program that reads it.
pub(super) const MOST_COUNTED: u64 = 1 << 53;
/// Version of the snapshot: to be changed whenever a type in it changes.
const LAYOUT: u32 = 3;

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

    /// What of it concerns the keys, and the mouse.
    pub fn into_parts(mut self) -> [Saved; 2] {
        let keys = self.keys.take();
        [Saved { keys, ..Saved::empty() }, self]
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
    BadState(format!(
        "line {}, column {} of its JSON does not fit; is it a file that `seclyzer model export` has written?",
        error.line(),
        error.column()
    ))
}

fn check_version(version: u32) -> Result<(), BadState> {
    match version {
        VERSION => Ok(()),
        newer => Err(BadState(format!("it is of version {newer}, and this program knows version {VERSION}"))),
    }
}

/// Refuses more than anybody does in a lifetime, and what a database or a server does not take.
pub(super) fn check_count(count: u64, of_what: &str) -> Result<(), BadState> {
    if count <= MOST_COUNTED { Ok(()) } else { Err(BadState(format!("its number of {of_what} is impossible"))) }
}

pub(super) fn of(decision: &Decision) -> Saved {
    with(decision.keys.save(), decision.mouse.sure())
}

/// The same with all that is known by now, as it is stored.
pub(super) fn stored(decision: &Decision) -> Saved {
    with(decision.stored_keys(), &decision.stored_mouse())
}

fn with(keys: SavedKeys, Learnt { owner, level, sittings, .. }: &Learnt) -> Saved {
    Saved { version: VERSION, keys: Some(keys), mouse: Some(owner.save()), level: Some(*level), sittings: *sittings }
}

pub(super) fn decision(settings: Settings, saved: Option<&Saved>) -> Result<Decision, BadState> {
    let (keys, mouse) = saved.map_or(Ok((None, None)), models)?;
    Ok(Decision::new(settings, keys.unwrap_or_default(), mouse.unwrap_or_default()))
}

/// What is saved of the keys, and of the mouse.
pub(super) fn models(saved: &Saved) -> Result<(Option<Model>, Option<Learnt>), BadState> {
    check_version(saved.version)?;
    check_count(saved.sittings, "sittings")?;
    let keys = saved.keys.as_ref().map(Model::load).transpose()?;
    let owner = saved.mouse.as_ref().map(Owner::load).transpose()?;
    let learnt = |owner| Learnt::new(owner, saved.level.unwrap_or_default(), saved.sittings);
    Ok((keys, owner.map(learnt)))
}

/// The live state as bytes, in pieces.
pub(super) fn snapshot(decision: &mut Decision, put: impl FnMut(&[u8])) {
    decision.flush();
    postcard::serialize_with_flavor(&(LAYOUT, decision), Pieces(put)).expect("pieces are taken");
}

/// What is serialized is passed on at once.
struct Pieces<F>(F);

impl<F: FnMut(&[u8])> Flavor for Pieces<F> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        (self.0)(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

pub(super) fn restored(snapshot: &[u8]) -> Result<Decision, BadState> {
    let unreadable = |_| BadState::new("its bytes are not a live state of this program");
    let (layout, rest) = postcard::take_from_bytes::<u32>(snapshot).map_err(unreadable)?;
    if layout != LAYOUT {
        return Err(BadState::new("the live state is one of another version of this program"));
    }
    let (decision, rest) = postcard::take_from_bytes::<Decision>(rest).map_err(unreadable)?;
    // Other programs of the account may be able to write to where it was.
    if !rest.is_empty() || !decision.is_sound() {
        return Err(BadState::new("the live state is one that no use leads to"));
    }
    Ok(decision)
}
