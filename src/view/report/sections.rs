//! The sections of the page, from what was collected.

use super::collect::{Data, Quality, Series};
use super::page::{Section, figure, picture, table};
use super::plot::Banded;
use super::presence::LEAST_GAP_US;
use super::{keyboard, plot, transitions};
use crate::statistics::{Quantiles, histogram, quantiles};
use maud::{Markup, html};

pub fn all(data: &Data) -> Vec<Section> {
    let section = |id, heading, body| Section { id, heading, body };
    vec![
        section("presence", "At the machine", presence(data)),
        section("typing", "Typing", typing(data)),
        section("fingers", "From finger to finger", fingers(data)),
        section("mouse", "Mouse", mouse(data)),
        section("applications", "Applications", applications(data)),
        section("quality", "Quality of the records", quality(data)),
        section("recognition", "Recognition", recognition(data)),
    ]
}

fn nothing(what: &str) -> Markup {
    html! { p { "There is no " (what) " in this span of time." } }
}

/// Hours and minutes.
fn hours(hours: f64) -> String {
    let minutes = (60.0 * hours).round() as u64;
    if minutes < 60 { format!("{minutes} min") } else { format!("{} h {:02} min", minutes / 60, minutes % 60) }
}

fn presence(data: &Data) -> Markup {
    const CELL: f64 = 24.0;
    const LEFT: f64 = 90.0;
    let title = "Hours at the machine";
    // Of a full hour, on each of a row's days.
    let share = |hours: f64| (hours / data.days_a_row as f64).min(1.0);
    let drawn = html! {
        svg viewBox=(format!("0 0 {} {}", LEFT + 24.0 * CELL, 20.0 + data.dates.len() as f64 * CELL)) role="img"
            aria-label=(title) {
            @for hour in (0..24).step_by(3) {
                text x=(LEFT + hour as f64 * CELL) y="13" { (format!("{hour}:00")) }
            }
            @for (i, (date, by_hour)) in data.dates.iter().zip(&data.at_machine_h).enumerate() {
                @let top = 20.0 + i as f64 * CELL;
                text x="0" y=(top + 16.0) { (date) }
                @for (hour, used) in by_hour.iter().enumerate() {
                    @if *used > 0.0 {
                        rect x=(LEFT + hour as f64 * CELL) y=(top) width="22" height="22" class="use"
                            fill-opacity=(format!("{:.2}", 0.12 + 0.88 * share(*used))) {
                            title { (date) " " (hour) ":00: " (hours(*used)) }
                        }
                    } @else {
                        rect x=(LEFT + hour as f64 * CELL) y=(top) width="22" height="22" class="idle" {}
                    }
                }
            }
        }
    };
    let rows = data.dates.iter().zip(&data.at_machine_h).map(|(date, by_hour)| {
        let each = by_hour.iter().map(|used| if *used > 0.0 { hours(*used) } else { "–".into() });
        [date.clone(), hours(by_hour.iter().sum())].into_iter().chain(each).collect()
    });
    let how = "Each row is a day (in long reports a week) and each square an hour of your local time: the stronger the \
               colour, the larger the part of that hour for which there are records of typing or of the mouse. A few keys \
               or a short motion within a window make no record, and do not count. Lengths of windows are those of the present \
               configuration ([window]).";
    let day = if data.days_a_row == 1 { "day" } else { "week from" };
    let each: Vec<String> = (0..24).map(|hour| format!("{hour}:00")).collect();
    let head: Vec<&str> = [day, "in all"].into_iter().chain(each.iter().map(String::as_str)).collect();
    figure(title, how, drawn, table(&head, rows))
}

/// A feature's medians through time.
fn through_time(data: &Data, title: &str, unit: &str, how: &str, series: &Series, digits: usize) -> Markup {
    let slots: Vec<Option<Quantiles>> = series.iter().map(|values| quantiles(values)).collect();
    if slots.iter().all(Option::is_none) {
        return html! { h3 { (title) } (nothing("record with such a value")) };
    }
    let rows = data.slots.iter().zip(&slots).zip(series).map(|((date, slot), values)| {
        let number = |value: fn(&Quantiles) -> f64| {
            slot.as_ref().map_or("–".into(), |slot| format!("{:.digits$}", value(slot)))
        };
        let (median, low, high) = (number(|slot| slot.median), number(|slot| slot.low), number(|slot| slot.high));
        vec![date.clone(), median, low, high, values.len().to_string()]
    });
    let head = [&data.step.head(), &format!("median ({unit})"), "10 % below", "10 % above", "windows"];
    let banded = |slot: &Quantiles| Banded { line: slot.median, low: slot.low, high: slot.high };
    let slots: Vec<Option<Banded>> = slots.iter().map(|slot| slot.as_ref().map(banded)).collect();
    let drawn = picture(title, &plot::through_time(&data.slots, unit, &slots));
    figure(title, &format!("{how} {BAND}"), drawn, table(&head, rows))
}

const BAND: &str = "The line is the median of the windows; eight of ten windows are within the band.";

fn distribution(title: &str, how: &str, values: &[f32]) -> Markup {
    let (Some(bins), Some(all)) = (histogram(values), quantiles(values)) else {
        return html! { h3 { (title) } (nothing("record with such a value")) };
    };
    let of = f64::from(bins.counts.iter().sum::<u32>());
    let rows = bins.counts.iter().enumerate().map(|(i, count)| {
        let from = bins.begin + bins.width * i as f64;
        vec![format!("{from:.0} to {:.0} ms", from + bins.width), format!("{:.1} %", 100.0 * f64::from(*count) / of)]
    });
    let how = format!("{how} Eight of ten windows are between {:.0} and {:.0} ms.", all.low, all.high);
    let drawn = picture(title, &plot::distribution(&bins, "ms"));
    figure(title, &how, drawn, table(&["time", "share of windows"], rows))
}

fn typing(data: &Data) -> Markup {
    let typing = &data.typing;
    html! {
        (through_time(data, "Typing speed", "words/min", "Higher is faster; a word is five keystrokes.", &typing.speed_wpm, 0))
        (through_time(data, "Evenness of the rhythm", "ratio", "1 is a perfectly even rhythm; lower is less even.",
            &typing.consistency, 2))
        (distribution("How long keys are held (dwell)", "Each bar is the share of windows whose median time from press to \
            release is in its range.", &typing.dwell_ms))
        (distribution("Time from key to key (flight)", "Each bar is the share of windows whose median time from a key's \
            release to the next press is in its range; below 0 the next key is pressed before the last one is released.",
            &typing.flight_ms))
    }
}

/// Of the weakest and of the strongest colour.
fn range<'a>(times: impl Iterator<Item = &'a f64> + Clone) -> String {
    let (least, most) = (times.clone().copied().fold(f64::INFINITY, f64::min), times.copied().fold(0.0, f64::max));
    format!("from {least:.0} to {most:.0} ms")
}

fn fingers(data: &Data) -> Markup {
    let pairs = &data.typing.pairs_ms;
    if pairs.iter().flatten().all(Option::is_none) {
        return nothing("value by finger");
    }
    let (keyboard_title, matrix_title) = ("Time to each zone of the keyboard", "Time from zone to zone");
    let to = keyboard::to_zones(pairs);
    let number = |time: Option<f64>| time.map_or("–".into(), |time| format!("{time:.0} ms"));
    let held = |zone: usize| number(data.typing.dwell_by_zone_ms.get(zone).copied().flatten());
    let zones = keyboard::FINGERS.iter().enumerate();
    let zones = zones.map(|(zone, finger)| vec![(*finger).to_owned(), number(to[zone]), held(zone)]);
    html! {
        (figure(keyboard_title, &format!("The keys of one finger share a colour: the stronger it is, the longer it takes \
            to reach them from the key before, {}. It is the mean over all fingers of the key before, the same one included, \
            each of which counts the same however often it comes before.", range(to.iter().flatten())),
            keyboard::keyboard(keyboard_title, pairs), table(&["finger", "mean of the times to its keys", "held for"], zones)))
        (figure(matrix_title, &format!("Each square is the time from a key of the row's finger to one of the column's: \
            the stronger the colour, the longer, {}. An outline has no value.", range(pairs.iter().flatten().flatten())),
            keyboard::matrix(matrix_title, pairs),
            keyboard::table(pairs)))
    }
}

fn mouse(data: &Data) -> Markup {
    let pointing = &data.pointing;
    html! {
        (through_time(data, "Speed of the mouse", "counts/s", "Higher is faster; a count is the smallest step that the \
            mouse reports.", &pointing.speed, 0))
        (through_time(data, "Straightness", "ratio", "1 is a straight line; lower is a longer way round.",
            &pointing.straightness, 2))
        (through_time(data, "Length of a stroke", "counts", "How far the mouse moves from one rest to the next.",
            &pointing.length, 0))
    }
}

/// A change of focus makes a record; nothing else that ends a stretch does.
const DIRECTLY_LEFT: &str = "Each bar is the time for which the application had the focus until another one got it, whether \
    or not anything was typed. A stretch that ended otherwise has no record and is not counted: nothing had the focus \
    after it, capture was paused or had a gap, or the agent ended. The real time is longer, of some applications by far.";

fn applications(data: &Data) -> Markup {
    let applications = &data.applications;
    if applications.hours.is_empty() {
        return nothing("change of the focused application");
    }
    let most = applications.hours.iter().map(|(_, hours)| *hours).fold(1e-9, f64::max);
    let shown = &applications.hours;
    let (title, graph_title) = ("Time in focus before another application", "Which application follows which");
    let bars = html! {
        svg viewBox=(format!("0 0 720 {}", 26 * shown.len())) role="img" aria-label=(title) {
            @for (i, (name, used)) in shown.iter().enumerate() {
                @let width = 420.0 * used / most;
                text x="0" y=(26 * i + 17) { (name.chars().take(24).collect::<String>()) }
                rect x="190" y=(26 * i + 3) height="20" width=(format!("{width:.1}")) class="use" {}
                text x=(format!("{:.1}", 198.0 + width)) y=(26 * i + 17) { (hours(*used)) }
            }
        }
    };
    let by_hours = shown.iter().map(|(name, used)| vec![name.clone(), hours(*used)]);
    let changes =
        applications.transitions.iter().map(|(from, to, times)| vec![from.clone(), to.clone(), times.to_string()]);
    html! {
        (figure(title, DIRECTLY_LEFT, bars, table(&["application", "focus before another one"], by_hours)))
        (figure(graph_title, &format!("An arrow goes from an application to the one that got the focus after it: the wider, the \
            more often. Of {} applications, those with the most changes are drawn.", applications.count),
            transitions::graph(graph_title, &applications.transitions), table(&["from", "to", "times"], changes)))
    }
}

fn quality(data: &Data) -> Markup {
    let title = "Windows with and without values";
    let all = |of: fn(&Quality) -> u32| data.quality.iter().map(of).sum::<u32>();
    let slots: Vec<(f64, f64)> =
        data.quality.iter().map(|slot| (f64::from(slot.keystroke + slot.mouse), f64::from(slot.flawed))).collect();
    let rows = data.slots.iter().zip(&data.quality).zip(&data.gaps).map(|((date, slot), gaps)| {
        let Quality { keystroke, without_values, mouse, without_motion, degraded, flawed, .. } = *slot;
        let numbers = [keystroke, without_values, mouse, without_motion, degraded, flawed, gaps.count];
        let numbers = numbers.map(|number| number.to_string());
        std::iter::once(date.clone()).chain(numbers).chain([hours(gaps.hours)]).collect()
    });
    let idle = data.quality.iter().filter(|slot| slot.keystroke + slot.mouse == 0).count();
    let head = [
        &data.step.head(),
        "of typing",
        "without values",
        "of the mouse",
        "without motion",
        "degraded",
        "without values or degraded",
        "gaps",
        "gaps in all",
    ];
    html! {
        (without_values(data, all))
        p {
            (format!("{} of {} windows of the mouse are without motion: buttons or the wheel alone were used. ",
                all(|slot| slot.without_motion), all(|slot| slot.mouse)))
            (format!("{} windows are degraded: events were lost, or the clock was set.", all(|slot| slot.degraded)))
        }
        p {
            (gaps(data))
            (format!(" Without any record: {idle} of {} {}.", data.slots.len(), data.step.plural()))
        }
        (figure(title, "Each bar is the number of windows; its strong part has no values, or is degraded, or both.",
            picture(title, &plot::bars(&data.slots, "windows", &slots)), table(&head, rows)))
    }
}

/// How many windows of typing have no values, and what the database contains about why.
fn without_values(data: &Data, all: impl Fn(fn(&Quality) -> u32) -> u32) -> Markup {
    let (keystroke, without, none) =
        (all(|slot| slot.keystroke), all(|slot| slot.without_values), all(|slot| slot.none_counted));
    let settings: Vec<String> = data.strokes.iter().map(|(strokes, windows)| format!("{windows} {strokes}")).collect();
    html! {
        p {
            (format!("{without} of {keystroke} windows of typing have no values: fewer than 25 of their keystrokes counted"))
            @if without > 0 {
                (format!(", in {none} of them fewer than five. Which count is a setting (keystroke.publish), and that of \
                    these windows was: {}. Why single keystrokes did not count is not in the database; ",
                    settings.join(", ")))
                code { "seclyzer status" } " counts it for the agent that runs."
            } @else { "." }
        }
    }
}

/// Times without a record within a day.
fn gaps(data: &Data) -> String {
    let (count, in_all) = data.gaps.iter().fold((0, 0.0), |sum, gaps| (sum.0 + gaps.count, sum.1 + gaps.hours));
    let least = LEAST_GAP_US / 60_000_000;
    format!(
        "Between records of the same day there are {count} gaps of more than {least} minutes, {} in all: nobody was at the \
         machine, or capture was paused, off or excluded; the records do not say which.",
        hours(in_all)
    )
}

fn recognition(data: &Data) -> Markup {
    let recognised = &data.recognised;
    if recognised.trust.iter().all(Vec::is_empty) && recognised.decisions.is_empty() {
        return nothing("score or decision: recognition is off, or still learning");
    }
    let (alarms, locks) = recognised.alarms.iter().fold((0, 0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1));
    let title = "Alarms";
    let slots: Vec<(f64, f64)> = recognised.alarms.iter().map(|slot| (f64::from(slot.0), f64::from(slot.1))).collect();
    let rows = data
        .slots
        .iter()
        .zip(&recognised.alarms)
        .map(|(date, slot)| vec![date.clone(), slot.0.to_string(), slot.1.to_string()]);
    let decisions = recognised.decisions.iter().map(|decided| {
        let modality = decided.modality.clone().unwrap_or_else(|| "–".into());
        vec![decided.time.clone(), decided.from.clone(), decided.to.clone(), decided.reason.clone(), modality]
    });
    html! {
        p { (format!("There were {alarms} alarms. In {locks} of them so much evidence came together that a machine which \
            locks (decision.mode = \"lock\") is locked.")) }
        (trust(data))
        (figure(title, "Each bar is the number of alarms that began then: the state became `stranger`. Its strong part reached \
            the threshold of locking, then or later.", picture(title, &plot::bars(&data.slots, "alarms", &slots)),
            table(&[&data.step.head(), "alarms", "would have locked"], rows)))
        @if !recognised.decisions.is_empty() {
            h3 { "The newest decisions" }
            div class="scroll" tabindex="0" role="region" aria-label="The newest decisions" {
                (table(&["time", "from", "to", "reason", "decided by"], decisions))
            }
        }
    }
}

/// The lowest of each slot: a median hides an alarm of some minutes.
fn trust(data: &Data) -> Markup {
    let (title, trust) = ("Trust", &data.recognised.trust);
    let lowest = |values: &[f32]| f64::from(values.iter().copied().fold(f32::INFINITY, f32::min));
    let banded = |values: &Vec<f32>| {
        let low = lowest(values);
        quantiles(values).map(|slot| Banded { line: low, low, high: slot.median })
    };
    let slots: Vec<Option<Banded>> = trust.iter().map(banded).collect();
    if slots.iter().all(Option::is_none) {
        return html! { h3 { (title) } (nothing("score with trust: all was still learning")) };
    }
    let rows = data.slots.iter().zip(&slots).zip(trust).map(|((date, slot), values)| {
        let number =
            |value: fn(&Banded) -> f64| slot.as_ref().map_or("–".into(), |slot| format!("{:.0}", value(slot)));
        vec![date.clone(), number(|slot| slot.low), number(|slot| slot.high), values.len().to_string()]
    });
    let how = "100 while nothing is in doubt, 0 while a stranger is assumed. The line is the lowest of all scores, so that \
               a short alarm is seen, and the band goes up to their median.";
    let head = [&data.step.head(), "lowest (of 100)", "median", "scores"];
    figure(title, how, picture(title, &plot::through_time(&data.slots, "of 100", &slots)), table(&head, rows))
}

/// What is said first.
pub fn summary(data: &Data) -> Vec<(&'static str, String)> {
    let at_machine: f64 = data.at_machine_h.iter().flatten().sum();
    let all = |series: &Series| quantiles(&series.concat()).map(|all| all.median);
    let number = |value: Option<f64>, unit: &str| value.map_or("–".into(), |value| format!("{value:.0} {unit}"));
    let windows: u32 = data.quality.iter().map(|slot| slot.keystroke + slot.mouse).sum();
    vec![
        ("At the machine", hours(at_machine)),
        ("Typing speed, median", number(all(&data.typing.speed_wpm), "words/min")),
        ("Key held, median", number(quantiles(&data.typing.dwell_ms).map(|all| all.median), "ms")),
        ("Mouse speed, median", number(all(&data.pointing.speed), "counts/s")),
        ("Applications", data.applications.count.to_string()),
        ("Windows recorded", windows.to_string()),
    ]
}
