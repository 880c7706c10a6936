//! The columns of a kind of record, in the contract's order, with the names that its JSON has.

use seclyzer::features::names::{Feature, KEYSTROKE, MOUSE};
use seclyzer::record::Kind;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Integer,
    Real,
    /// 0 or 1 in the database.
    Boolean,
    /// Microseconds since the Unix epoch in the database.
    Time,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// What selects it.
    pub sql: String,
    pub kind: Type,
    /// By the contract, or because a number may be infinite, which is exported as a null.
    pub may_be_null: bool,
}

fn column(name: &str, kind: Type) -> Column {
    Column { name: name.into(), sql: name.into(), kind, may_be_null: kind == Type::Real }
}

impl Column {
    fn selected_by(self, sql: String) -> Column {
        Column { sql, ..self }
    }

    fn or_null(self) -> Column {
        Column { may_be_null: true, ..self }
    }
}

/// All columns of a kind.
pub fn of(kind: Kind) -> Vec<Column> {
    use Type::{Boolean, Integer, Real, Text, Time};
    let mut columns = vec![
        column("type", Text).selected_by(format!("'{}'", kind.name())),
        column("schema", Integer),
        column("user", Text),
        column("host", Text),
        column("origin", Text),
        column("timestamp", Time).selected_by("window_end".into()),
        column("window_end", Integer),
        column("dev_mode", Boolean),
        column("degraded", Boolean),
    ];
    columns.extend(match kind {
        Kind::Keystroke => with_features(vec![column("strokes", Text), column("total_keys", Integer)], &KEYSTROKE),
        Kind::Mouse => with_features(vec![column("total_samples", Integer)], &MOUSE),
        Kind::App => vec![
            column("from_app", Text),
            column("to_app", Text),
            column("duration_ms", Integer),
            column("transition_count", Integer),
            column("transition_probability", Real),
            column("switch_rate_per_min", Real),
            column("distinct_apps", Integer),
            column("focus_entropy_bits", Real),
            column("hour", Integer),
            column("hour_probability", Real),
        ],
        Kind::Score => vec![
            column("state", Text),
            column("trust", Integer).or_null(),
            column("learnt_keys", Integer),
            column("learnt_actions", Integer),
            column("sittings", Integer),
        ],
        Kind::Decision => vec![
            column("from", Text).selected_by("from_state".into()),
            column("to", Text).selected_by("to_state".into()),
            column("reason", Text),
            column("modality", Text).or_null(),
        ],
    });
    columns
}

fn with_features(mut columns: Vec<Column>, features: &[Feature]) -> Vec<Column> {
    columns.extend(features.iter().map(|feature| column(&feature.name, Type::Real)));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use seclyzer::features::app::Transition;
    use seclyzer::features::keystroke::Publish;
    use seclyzer::features::names::{KEYSTROKE_COUNT, MOUSE_COUNT};
    use seclyzer::recognition::coarse::{Decision, Score};
    use seclyzer::recognition::{Reason, State};
    use seclyzer::record::{Body, Entry, Identity, Origin, Record};

    fn body(kind: Kind) -> Body {
        match kind {
            Kind::Keystroke => {
                Body::Keystroke { strokes: Publish::Lines, total_keys: 0, features: Box::new([None; KEYSTROKE_COUNT]) }
            }
            Kind::Mouse => Body::Mouse { total_samples: 0, features: Box::new([None; MOUSE_COUNT]) },
            Kind::App => Body::App(Transition {
                from_app: "a".into(),
                to_app: "b".into(),
                duration_ms: 1,
                transition_count: 1,
                transition_probability: 1.0,
                switch_rate_per_min: 1.0,
                distinct_apps: 1,
                focus_entropy_bits: 0.0,
                hour: 1,
                hour_probability: 1.0,
            }),
            Kind::Score => {
                Body::Score(Score { state: State::Owner, trust: None, learnt_keys: 0, learnt_actions: 0, sittings: 0 })
            }
            Kind::Decision => {
                let (from, to) = (State::Owner, State::Guest);
                Body::Decision(Decision { from, to, reason: Reason::Guest, modality: None })
            }
        }
    }

    #[test]
    fn columns_have_the_names_and_the_order_of_a_record_s_json() {
        for kind in Kind::ALL {
            let identity = Identity { user: "ann".into(), host: "desk".into(), dev_mode: false };
            let record = Record { window_end_us: 0, degraded: false, body: body(kind) };
            let json = Entry::new(identity.into(), Origin::Device, record).to_json();
            let mut rest = json.as_str();
            for column in of(kind) {
                let name = format!("\"{}\":", column.name);
                let at = rest.find(&name).unwrap_or_else(|| panic!("{} is not there, or earlier", column.name));
                rest = &rest[at + name.len()..];
            }
            assert_eq!(of(kind).len(), json.matches("\":").count(), "{kind:?}");
        }
    }
}
