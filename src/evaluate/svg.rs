//! The picture: errors that trade off against each other, and how soon takeovers are noticed.

use super::report::{Errors, Report};
use super::takeover::Takeovers;
use super::trials::Point;
use std::fmt::Write as _;

const WIDTH: f64 = 1010.0;
const HEIGHT: f64 = 440.0;
const PLOT: f64 = 340.0;
const TOP: f64 = 40.0;
/// Of the two plots.
const LEFT: [f64; 2] = [70.0, 610.0];
/// The errors' axes are logarithmic, between these.
const LOWEST: f64 = 0.001;
const HIGHEST: f64 = 0.5;
const ERROR_TICKS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];
const SECONDS: f64 = 180.0;
/// Of Okabe and Ito, who chose them for the colour-blind.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// An SVG document of its own.
pub fn picture(report: &Report) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    errors_plot(&mut svg, report);
    if let Some(takeovers) = &report.takeovers {
        takeovers_plot(&mut svg, takeovers);
    }
    svg += "</svg>\n";
    svg
}

fn errors_plot(svg: &mut String, report: &Report) {
    let [left, _] = LEFT;
    frame(svg, left, "Errors", "others accepted", "owners refused");
    for tick in ERROR_TICKS {
        let label = format!("{} %", 100.0 * tick);
        tick_x(svg, left + PLOT * scaled(tick), &label);
        tick_y(svg, TOP + PLOT * (1.0 - scaled(tick)), &label, left);
    }
    let line = |svg: &mut String, from: (f64, f64), to: (f64, f64)| {
        put(svg, format_args!("<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#ccc\"/>\n", from.0, from.1, to.0, to.1));
    };
    line(svg, (left, TOP + PLOT), (left + PLOT, TOP));
    let keys = report.keys.iter().map(|errors| (errors, "keys"));
    let mouse = report.mouse.iter().map(|errors| (errors, "strokes"));
    for (i, (Errors { strokes, curve, .. }, unit)) in keys.chain(mouse).enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        polyline(
            svg,
            colour,
            &thinned(within_axes(curve).iter().map(|point| {
                let (x, y) = (scaled(point.false_acceptance), scaled(point.false_rejection));
                (left + PLOT * x, TOP + PLOT * (1.0 - y))
            })),
        );
        legend(svg, colour, &format!("{strokes} {unit}"), left + PLOT + 10.0, TOP + 12.0 + 16.0 * i as f64);
    }
}

/// The part of a curve that the axes show, with a point beyond each end.
fn within_axes(curve: &[Point]) -> &[Point] {
    let range = LOWEST..=HIGHEST;
    let is_shown = |point: &Point| range.contains(&point.false_acceptance) && range.contains(&point.false_rejection);
    let (first, last) = (curve.iter().position(is_shown), curve.iter().rposition(is_shown));
    let (Some(first), Some(last)) = (first, last) else { return &[] };
    &curve[first.saturating_sub(1)..curve.len().min(last + 2)]
}

/// Without points that lie too near to the one before to be seen.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let is_far = |&(x, y): &(f64, f64)| (point.0 - x).abs().max((point.1 - y).abs()) >= 1.0;
        if kept.last().is_none_or(is_far) {
            kept.push(point);
        }
    }
    kept
}

fn takeovers_plot(svg: &mut String, takeovers: &Takeovers) {
    let [_, left] = LEFT;
    frame(svg, left, "Takeovers noticed", "seconds of input", "share of takeovers");
    for seconds in [0.0, 30.0, 60.0, 120.0, SECONDS] {
        tick_x(svg, left + PLOT * seconds / SECONDS, &seconds.to_string());
    }
    for tenths in [0.0, 2.5, 5.0, 7.5, 10.0] {
        tick_y(svg, TOP + PLOT * (1.0 - tenths / 10.0), &format!("{} %", 10.0 * tenths), left);
    }
    let all = takeovers.takeovers as f64;
    let mut steps = vec![(left, TOP + PLOT)];
    for (i, seconds) in takeovers.noticed_s.iter().enumerate().take_while(|(_, seconds)| **seconds <= SECONDS) {
        let x = left + PLOT * seconds / SECONDS;
        steps.extend([(x, TOP + PLOT * (1.0 - i as f64 / all)), (x, TOP + PLOT * (1.0 - (i + 1) as f64 / all))]);
    }
    let last = steps[steps.len() - 1].1;
    steps.push((left + PLOT, last));
    polyline(svg, COLOURS[0], &steps);
}

/// Where a rate lies on an axis, 0 to 1.
fn scaled(rate: f64) -> f64 {
    (rate.clamp(LOWEST, HIGHEST) / LOWEST).ln() / (HIGHEST / LOWEST).ln()
}

fn frame(svg: &mut String, left: f64, title: &str, x: &str, y: &str) {
    let (middle, bottom) = (left + PLOT / 2.0, TOP + PLOT);
    put(
        svg,
        format_args!(
            "<rect x=\"{left}\" y=\"{TOP}\" width=\"{PLOT}\" height=\"{PLOT}\" fill=\"none\" stroke=\"black\"/>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"15\">{title}</text>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{x}</text>\n\
             <text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\">{y}</text>\n",
            TOP - 14.0,
            bottom + 38.0,
            left - 52.0,
            TOP + PLOT / 2.0,
        ),
    );
}

fn tick_x(svg: &mut String, x: f64, label: &str) {
    let bottom = TOP + PLOT;
    put(svg, format_args!("<path d=\"M{x:.1} {bottom}v5\" stroke=\"black\"/>\n"));
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n", bottom + 19.0));
}

fn tick_y(svg: &mut String, y: f64, label: &str, left: f64) {
    put(svg, format_args!("<path d=\"M{left} {y:.1}h-5\" stroke=\"black\"/>\n"));
    put(svg, format_args!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n", left - 8.0, y + 4.0));
}

fn polyline(svg: &mut String, colour: &str, points: &[(f64, f64)]) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    put(svg, format_args!("<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n"));
}

fn legend(svg: &mut String, colour: &str, text: &str, x: f64, y: f64) {
    put(svg, format_args!("<path d=\"M{x} {:.1}h18\" stroke=\"{colour}\" stroke-width=\"2\"/>\n", y - 4.0));
    put(svg, format_args!("<text x=\"{}\" y=\"{y:.1}\">{text}</text>\n", x + 24.0));
}

/// Writing to a text does not fail.
fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::material::Length;
    use crate::evaluate::report::errors;
    use crate::evaluate::takeover::{Notice, OwnStream, Takeover, summary};
    use crate::evaluate::trials::{Author, Trial};

    fn report() -> Report {
        let trial = |i: u32, author, shift: f64| Trial { score: f64::from(i % 10) + shift, owner: i % 2, author };
        let own = (0..40).map(|i| trial(i, Author::Owner, 6.0));
        let others = (0..40).map(|i| trial(i, Author::Other(1 - i % 2), 0.0));
        let keys = errors(Length::Strokes(50), own.chain(others).collect(), 2).expect("errors");
        let noticed = |seconds: i64| Some(Notice { after_us: seconds * 1_000_000, keys: 5 });
        let takeovers = [Some(20), Some(90), None].map(|s| Takeover { owner: 0, noticed: s.and_then(noticed) });
        let own = [OwnStream { owner: 0, input_us: 1_000_000, alarms: 0 }];
        let takeovers = summary(&takeovers, &own, 2);
        Report { people: 2, learnt: "half".to_owned(), keys: vec![keys], mouse: Vec::new(), takeovers }
    }

    #[test]
    fn a_picture_has_a_curve_a_length_and_one_of_the_takeovers() {
        let picture = picture(&report());
        assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
        assert_eq!(picture.matches("<polyline").count(), 2);
        assert!(picture.contains(">50 keys</text>") && picture.contains(">Takeovers noticed</text>"));
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn every_tag_of_a_picture_is_closed() {
        let picture = picture(&report());
        for tag in ["rect", "path", "polyline"] {
            let opened = picture.lines().filter(|line| line.contains(&format!("<{tag}")));
            assert!(opened.clone().count() > 0 && opened.into_iter().all(|line| line.ends_with("/>")), "{tag}");
        }
        assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    }

    #[test]
    fn without_takeovers_their_plot_is_left_out() {
        let report = Report { takeovers: None, ..report() };
        assert!(!picture(&report).contains("Takeovers"));
    }
}
