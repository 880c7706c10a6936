//! A report as text.

use crate::cli::text::table;
use crate::evaluate::bootstrap::Interval;
use crate::evaluate::det::LEVELS;
use crate::evaluate::report::{Errors, Report};
use crate::evaluate::takeover::{FalseAlarms, LIMITS_S, Takeovers};

pub fn text(report: &Report) -> String {
    let mut text = format!("{} people; {} was learnt\n", report.people, report.learnt);
    for (title, unit, errors) in [("Keystrokes", "keys", &report.keys), ("Mouse", "strokes", &report.mouse)] {
        if !errors.is_empty() {
            text += &format!(
                "\n{title}: errors by length of a window; owners refused (%) where so many others are accepted\n"
            );
            text += &errors_table(unit, errors);
        }
    }
    if let Some(takeovers) = &report.takeovers {
        text += &takeovers_text(takeovers, report.people);
    }
    text
}

fn errors_table(unit: &str, errors: &[Errors]) -> String {
    let levels = LEVELS.map(|level| format!("{} %", 100.0 * level));
    let [a, b, c, d, e, f] = levels.each_ref().map(String::as_str);
    let head = [unit, "people", "windows", "others'", "equal error %", "own %", "AUC", a, b, c, d, e, f];
    let rows: Vec<_> = errors.iter().map(row).collect();
    table(&head, &rows)
}

fn row(errors: &Errors) -> [String; 13] {
    let Interval { low, high } = errors.auc_interval;
    let [a, b, c, d, e, f] = errors.trade.map(|trade| trade.false_rejection.map_or("-".to_owned(), percent));
    [
        errors.strokes.clone(),
        errors.people.to_string(),
        errors.genuine.to_string(),
        errors.impostor.to_string(),
        with_interval(errors.equal_error, errors.equal_error_interval),
        errors.equal_error_own.map_or("-".to_owned(), percent),
        format!("{:.4} [{low:.4}, {high:.4}]", errors.auc),
        a,
        b,
        c,
        d,
        e,
        f,
    ]
}

fn takeovers_text(takeovers: &Takeovers, people: usize) -> String {
    let mut text = format!(
        "\nTakeovers: {} of {} people ({} had not learnt enough); noticed within so many seconds of input (%)\n",
        takeovers.takeovers,
        takeovers.people,
        people - takeovers.people
    );
    let limits = LIMITS_S.map(|seconds| format!("{seconds} s"));
    let [a, b, c] = limits.each_ref().map(String::as_str);
    let head = [a, b, c, "ever", "seconds: median, 90 %", "keys: median, 90 %"];
    let [first, second, third] = takeovers.within.map(|within| with_interval(within.share, within.interval));
    let figure = |figure: Option<f64>| figure.map_or("never".to_owned(), |figure| format!("{figure:.0}"));
    let both = |median, nine_in_ten| format!("{}, {}", figure(median), figure(nine_in_ten));
    text += &table(
        &head,
        &[[
            first,
            second,
            third,
            percent(takeovers.ever),
            both(takeovers.seconds.median, takeovers.seconds.nine_in_ten),
            both(takeovers.keys.median, takeovers.keys.nine_in_ten),
        ]],
    );
    let FalseAlarms { count, people, hours, per_hour, per_hour_interval: Interval { low, high } } =
        takeovers.false_alarms;
    text += &format!(
        "False alarms: {count} by {people} people in {hours:.1} h of their own input: {per_hour:.2} an hour [{low:.2}, {high:.2}]\n"
    );
    text
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn with_interval(share: f64, Interval { low, high }: Interval) -> String {
    format!("{} [{}, {}]", percent(share), percent(low), percent(high))
}
