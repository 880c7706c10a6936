//! The owner's keystrokes: a model that says of each stroke how much it speaks for the owner.
//!
//! Of two strokes it takes up to three values (`values`): how long the first was held, and the times to the second from
//! press to press and from release to press. Three trees of normals (`tree`), from the person as a whole down to each
//! pair of keys, hold what the owner's values are like; a stranger's three trees, begun anew with each case, learn as
//! the case goes. A value's score is the logarithm of how much better the owner's tree expected it than the stranger's.
//!
//! The exact keys are used here and go nowhere: no type here shows them in `Debug`.

mod capitals;
mod model;
mod normals;
mod number;
mod place;
mod saved;
mod text;
mod tree;
mod values;

pub use model::Model;
pub use number::KeyNumber;
pub use saved::SavedKeys;
pub use text::Text;
pub use values::Stroke;
