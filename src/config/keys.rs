//! Every key of the configuration, defined once: what it takes, its default, the variables that set it and what it is
//! for. Reading, checking, `config show` and the documentation's table all follow this list.

mod table;

pub use table::KEYS;

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Section and key, as in `window.seconds`.
    pub name: &'static str,
    pub kind: Kind,
    /// As it would stand in the file. An empty text is as if the key were not set.
    pub default: &'static str,
    /// Variables of the environment that set it besides `SECLYZER_<SECTION>_<KEY>`, which wins.
    pub aliases: &'static [&'static str],
    pub about: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    Path,
    Flag,
    Switch,
    Whole {
        unit: &'static str,
        min: u32,
        max: u32,
    },
    Choice(&'static [&'static str]),
    List,
}

impl Kind {
    /// Whether it takes one text.
    pub fn is_textual(self) -> bool {
        matches!(self, Kind::Text | Kind::Secret | Kind::Path | Kind::Choice(_))
    }

    /// What would be right.
    pub fn expects(self) -> String {
        match self {
            Kind::Text | Kind::Secret => "a text in quotes".into(),
            Kind::Path => "a path, absolute or beginning with ~/".into(),
            Kind::Flag => "true or false".into(),
            Kind::Switch => "true, false or \"auto\"".into(),
            Kind::Whole { unit, min, max } => format!("a whole number of {unit} from {min} to {max}"),
            Kind::Choice(choices) => {
                choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>().join(" or ")
            }
            Kind::List => "a list of texts, as in [\"one\", \"two\"]".into(),
        }
    }
}

impl Key {
    pub fn section(&self) -> &'static str {
        self.split().0
    }

    /// The key's name within its section.
    pub fn short_name(&self) -> &'static str {
        self.split().1
    }

    fn split(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').expect("a key's name has its section")
    }

    /// The variable of the environment that sets it: `SECLYZER_<SECTION>_<KEY>`.
    pub fn variable(&self) -> String {
        format!("SECLYZER_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The sections, in the order in which they are shown.
pub fn sections() -> impl Iterator<Item = &'static str> {
    let starts = |index: usize| index == 0 || KEYS[index - 1].section() != KEYS[index].section();
    (0..KEYS.len()).filter(move |&index| starts(index)).map(|index| KEYS[index].section())
}

/// The candidate that was most likely meant by `written`, if one is near enough.
pub fn nearest<T: AsRef<str>>(written: &str, candidates: impl IntoIterator<Item = T>) -> Option<T> {
    let farthest = 1 + written.chars().count().min(80) / 5;
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate.as_ref()), candidate))
        .filter(|(distance, _)| *distance <= farthest)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::Value;

    #[test]
    fn every_default_is_what_its_key_takes() {
        for key in &KEYS {
            let parsed = toml::de::DeValue::parse(key.default).expect(key.name);
            assert!(Value::from_toml(key.kind, parsed.get_ref()).is_ok(), "{}", key.name);
        }
    }

    #[test]
    fn every_name_and_every_variable_stands_for_one_key() {
        let names: std::collections::BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        let variables: Vec<String> =
            KEYS.iter().flat_map(|key| key.aliases.iter().map(|&a| a.to_owned()).chain([key.variable()])).collect();
        let distinct: std::collections::BTreeSet<_> = variables.iter().collect();
        assert_eq!(names.len(), KEYS.len());
        assert_eq!(distinct.len(), variables.len());
    }

    #[test]
    fn a_section_is_listed_once() {
        let sections: Vec<_> = sections().collect();
        assert_eq!(
            sections,
            [
                "identity",
                "window",
                "devices",
                "keystroke",
                "keyboard",
                "recognition",
                "decision",
                "notify",
                "x11",
                "store",
                "redis",
                "influx",
                "log"
            ]
        );
    }

    #[test]
    fn the_nearest_name_is_the_one_with_the_fewest_slips_and_a_far_one_is_none() {
        assert_eq!(nearest("windwo", ["window", "devices"]), Some("window"));
        assert_eq!(nearest("colour", ["window", "devices"]), None);
    }
}
