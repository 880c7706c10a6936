//! Why keystrokes count or not, in words: for `status` and `doctor`.

use crate::agent::feed::StrokesStatus;
use crate::features::keystroke::tally::{Lines, Strokes};
use crate::sources::capture::Withheld;

/// What became of the strokes so far; kinds without a stroke are left out.
pub fn strokes(status: &StrokesStatus) -> String {
    // The latter never reach the features, which count the former.
    let kinds = Strokes::KINDS.into_iter().chain(Withheld::ALL.map(Withheld::names));
    let counts = kinds.filter_map(|(name, meaning)| Some((*status.strokes.get(name)?, meaning)));
    listed(counts)
}

/// What ended lines so far.
pub fn lines(status: &StrokesStatus) -> String {
    listed(Lines::CAUSES.into_iter().filter_map(|(name, meaning)| Some((*status.lines.get(name)?, meaning))))
}

fn listed<'a>(counts: impl Iterator<Item = (u64, &'a str)>) -> String {
    let parts: Vec<String> = counts.filter(|&(count, _)| count > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() { "fewer than 10 of each kind".into() } else { parts.join(", ") }
}

/// Which strokes the features are computed from.
pub fn published(publish: &str) -> &'static str {
    match publish {
        "all" => "all strokes",
        "words" => "plain words",
        _ => "plain words in lines of more than eight words",
    }
}
