//! What the database has of the last minutes, of today, and of the last week.

use rusqlite::{Connection, OptionalExtension};
use seclyzer::event::Micros;
use seclyzer::features::names::{Feature, KEYSTROKE, MOUSE};

const TRUST_US: Micros = 600_000_000;
const WEEK_US: Micros = 7 * 86_400_000_000;
const DECISIONS: usize = 8;
/// One window in a quarter of an hour shows what is usual.
const SAMPLE_US: Micros = 900_000_000;
/// Fewer values show nothing.
const LEAST_VALUES: usize = 8;

/// The median of the last week, and the bounds of eight of ten values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

#[derive(Debug, Clone)]
pub struct Measured {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: Option<f64>,
    pub usual: Option<Usual>,
}

impl Measured {
    pub fn is_unusual(&self) -> bool {
        let outside = |value: f64, usual: Usual| value < usual.low || value > usual.high;
        self.value.zip(self.usual).is_some_and(|(value, usual)| outside(value, usual))
    }
}

#[derive(Debug, Clone, Default)]
pub struct History {
    /// Of the last ten minutes of use, the oldest first.
    pub trust: Vec<Option<u8>>,
    /// The newest first, each as its time and what changed.
    pub decisions: Vec<(String, String)>,
    /// Which application got the focus last, and its share of today, 0 to 1.
    pub application: Option<(String, f64)>,
    /// When the newest windows ended, as a clock on the wall shows it.
    pub keystroke_time: Option<String>,
    pub mouse_time: Option<String>,
    /// Without the pairs of zones.
    pub keystroke: Vec<Measured>,
    pub mouse: Vec<Measured>,
}

/// What is usual, by feature; it is worked out now and then.
#[derive(Debug, Clone, Default)]
pub struct Week {
    keystroke: Vec<Option<Usual>>,
    mouse: Vec<Option<Usual>>,
}

impl Week {
    pub fn read(connection: &Connection, now_us: Micros) -> rusqlite::Result<Week> {
        Ok(Week {
            keystroke: usual(connection, "keystroke_features", &shown(&KEYSTROKE), now_us)?,
            mouse: usual(connection, "mouse_features", &shown(&MOUSE), now_us)?,
        })
    }
}

/// The features that have a line of their own.
fn shown(features: &'static [Feature]) -> Vec<&'static Feature> {
    features.iter().filter(|feature| !feature.name.starts_with("digraph_")).collect()
}

fn columns(features: &[&Feature]) -> String {
    features.iter().map(|feature| feature.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn usual(
    connection: &Connection,
    table: &str,
    features: &[&Feature],
    now_us: Micros,
) -> rusqlite::Result<Vec<Option<Usual>>> {
    let sql = format!(
        "SELECT {} FROM {table} WHERE origin = 'device' AND window_end IN (
             SELECT max(window_end) FROM {table} WHERE window_end > ?1 AND origin = 'device'
             GROUP BY window_end / {SAMPLE_US}
         )",
        columns(features)
    );
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); features.len()];
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([now_us - WEEK_US])?;
    while let Some(row) = rows.next()? {
        for (i, values) in values.iter_mut().enumerate() {
            values.extend(row.get::<_, Option<f64>>(i)?);
        }
    }
    Ok(values.iter_mut().map(|values| bounds(values)).collect())
}

fn bounds(values: &mut [f64]) -> Option<Usual> {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    (values.len() >= LEAST_VALUES).then(|| Usual { low: at(0.1), median: at(0.5), high: at(0.9) })
}

impl History {
    pub fn read(connection: &Connection, week: &Week, now_us: Micros) -> rusqlite::Result<History> {
        let (keystroke_time, keystroke) =
            newest(connection, "keystroke_features", &shown(&KEYSTROKE), &week.keystroke)?;
        let (mouse_time, mouse) = newest(connection, "mouse_features", &shown(&MOUSE), &week.mouse)?;
        Ok(History {
            trust: trust(connection, now_us)?,
            decisions: decisions(connection)?,
            application: application(connection, now_us)?,
            keystroke_time,
            mouse_time,
            keystroke,
            mouse,
        })
    }
}

fn trust(connection: &Connection, now_us: Micros) -> rusqlite::Result<Vec<Option<u8>>> {
    let sql = "SELECT trust FROM scores WHERE origin = 'device' AND window_end > ?1 ORDER BY window_end";
    connection.prepare(sql)?.query_map([now_us - TRUST_US], |row| row.get(0))?.collect()
}

fn decisions(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT strftime('%m-%d %H:%M:%S', window_end / 1000000, 'unixepoch', 'localtime'),
                from_state || ' -> ' || to_state || ': ' || reason || coalesce(' (' || modality || ')', '')
         FROM decisions WHERE origin = 'device' ORDER BY window_end DESC LIMIT {DECISIONS}"
    );
    connection.prepare(&sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn application(connection: &Connection, now_us: Micros) -> rusqlite::Result<Option<(String, f64)>> {
    let sql = "WITH today AS (
                   SELECT from_app, sum(duration_ms) AS ms FROM app_transitions
                   WHERE origin = 'device' AND window_end >= unixepoch(?1, 'unixepoch', 'localtime', 'start of day', 'utc') * 1000000
                   GROUP BY from_app
               ), newest AS (
                   SELECT to_app FROM app_transitions WHERE origin = 'device' ORDER BY window_end DESC LIMIT 1
               )
               SELECT to_app, coalesce((SELECT ms FROM today WHERE from_app = to_app) * 1.0 / (SELECT sum(ms) FROM today), 0.0)
               FROM newest";
    connection.query_row(sql, [now_us / 1_000_000], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// When the newest window ended, and its features.
fn newest(
    connection: &Connection,
    table: &str,
    features: &[&'static Feature],
    usual: &[Option<Usual>],
) -> rusqlite::Result<(Option<String>, Vec<Measured>)> {
    let sql = format!(
        "SELECT strftime('%H:%M:%S', window_end / 1000000, 'unixepoch', 'localtime'), {} FROM {table}
         WHERE origin = 'device' ORDER BY window_end DESC LIMIT 1",
        columns(features)
    );
    let row = connection.query_row(&sql, [], |row| {
        let values: Vec<Option<f64>> = (1..=features.len()).map(|i| row.get(i)).collect::<rusqlite::Result<_>>()?;
        Ok((row.get(0)?, values))
    });
    let Some((time, values)) = row.optional()? else { return Ok((None, Vec::new())) };
    let usual = usual.iter().copied().chain(std::iter::repeat(None));
    let measured = features.iter().zip(values).zip(usual).map(|((feature, value), usual)| Measured {
        name: &feature.name,
        unit: feature.unit,
        value,
        usual,
    });
    Ok((Some(time), measured.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_known_from_eight_values_on() {
        assert_eq!(bounds(&mut [1.0; 7]), None);
        let mut values: Vec<f64> = (0..=10).rev().map(f64::from).collect();
        let usual = bounds(&mut values).expect("bounds");
        assert_eq!(usual, Usual { low: 1.0, median: 5.0, high: 9.0 });
        let at = |value| Measured { name: "speed_mean", unit: "", value, usual: Some(usual) }.is_unusual();
        assert_eq!([Some(0.5), Some(1.0), Some(9.0), Some(9.5), None].map(at), [true, false, false, true, false]);
    }
}
