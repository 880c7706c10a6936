//! Pictures with axes, as SVG text. Their colours are names that the page's style replaces, for light and dark.

use crate::statistics::Histogram;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

const SIZE: (u32, u32) = (720, 240);
/// Replaced by `style.css`, where the same values are.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const LINE: RGBColor = RGBColor(3, 3, 3);
const BAND: RGBColor = RGBColor(4, 4, 4);
const FONT: (&str, u32) = ("sans-serif", 12);
/// Writing to a text does not fail.
const WRITABLE: &str = "a text takes all that is drawn";

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Of a slot: where the line is, and the band around it or beside it.
#[derive(Debug, Clone, Copy)]
pub struct Banded {
    pub line: f64,
    pub low: f64,
    pub high: f64,
}

/// A line through time with its band; a slot without a value interrupts both.
pub fn through_time(begins: &[String], unit: &str, slots: &[Option<Banded>]) -> String {
    let highest = slots.iter().flatten().map(|slot| slot.high).fold(0.0, f64::max);
    let lowest = slots.iter().flatten().map(|slot| slot.low).fold(0.0, f64::min);
    let range = (1.05 * lowest, upper(highest));
    draw((-0.5, begins.len() as f64 - 0.5), range, unit, named(begins), |chart| {
        let mut runs: Vec<Vec<(f64, Banded)>> = vec![Vec::new()];
        for (i, slot) in slots.iter().enumerate() {
            match slot {
                Some(slot) => runs.last_mut().expect("one").push((i as f64, *slot)),
                None => runs.push(Vec::new()),
            }
        }
        for run in runs.iter().filter(|run| !run.is_empty()) {
            // The band of a value alone has a width, or it would not be seen.
            let aside = if run.len() == 1 { [-0.25, 0.25].as_slice() } else { &[0.0] };
            let edge = run.iter().flat_map(|&(x, slot)| aside.iter().map(move |aside| (x + aside, slot)));
            let low = edge.clone().map(|(x, slot)| (x, slot.low));
            let high = edge.rev().map(|(x, slot)| (x, slot.high));
            let band: Vec<_> = low.chain(high).collect();
            let line: Vec<_> = run.iter().map(|&(x, slot)| (x, slot.line)).collect();
            chart.draw_series([Polygon::new(band, BAND.filled())]).expect(WRITABLE);
            chart.draw_series([PathElement::new(line.clone(), LINE.stroke_width(2))]).expect(WRITABLE);
            let points = line.into_iter().map(|point| Circle::new(point, 2, LINE.filled()));
            chart.draw_series(points).expect(WRITABLE);
        }
    })
}

/// A bar a slot, in two parts: the whole, and the part of it that is marked.
pub fn bars(begins: &[String], unit: &str, slots: &[(f64, f64)]) -> String {
    let highest = slots.iter().map(|slot| slot.0).fold(0.0, f64::max);
    draw((-0.5, begins.len() as f64 - 0.5), (0.0, upper(highest)), unit, named(begins), |chart| {
        for (i, &(whole, marked)) in slots.iter().enumerate() {
            let bar = |height: f64| [(i as f64 - 0.4, 0.0), (i as f64 + 0.4, height)];
            chart.draw_series([Rectangle::new(bar(whole), BAND.filled())]).expect(WRITABLE);
            chart.draw_series([Rectangle::new(bar(marked), LINE.filled())]).expect(WRITABLE);
        }
    })
}

/// The share of values in each bin, in percent.
pub fn distribution(histogram: &Histogram, unit: &str) -> String {
    let Histogram { begin, width, counts } = histogram;
    let all: u32 = counts.iter().sum();
    let percent = |count: u32| 100.0 * f64::from(count) / f64::from(all.max(1));
    let highest = counts.iter().copied().map(percent).fold(0.0, f64::max);
    let end = begin + width * counts.len() as f64;
    let label = |x: &f64| format!("{x:.0} {unit}");
    draw((*begin, end), (0.0, upper(highest)), "% of windows", label, |chart| {
        for (i, &count) in counts.iter().enumerate() {
            let left = begin + width * i as f64;
            let bar = [(left + 0.05 * width, 0.0), (left + 0.95 * width, percent(count))];
            chart.draw_series([Rectangle::new(bar, LINE.filled())]).expect(WRITABLE);
        }
    })
}

/// A little above the highest value.
fn upper(highest: f64) -> f64 {
    if highest > 0.0 { 1.05 * highest } else { 1.0 }
}

/// What the slot of each whole number begins with.
fn named(begins: &[String]) -> impl Fn(&f64) -> String {
    const YEAR: usize = "2026-".len();
    const DAY: usize = "2026-11-23 ".len();
    let date = |begin: Option<&String>| begin.and_then(|begin| begin.get(..DAY)).map(str::to_owned);
    let is_of_a_day = date(begins.first()).is_some_and(|first| date(begins.last()) == Some(first));
    // Without what the heading has: the year, or the date.
    let from = if is_of_a_day { DAY } else { YEAR };
    move |x: &f64| {
        let is_whole = (x - x.round()).abs() < 1e-6;
        let begin = begins.get(x.round().max(0.0) as usize).filter(|_| is_whole && *x >= -0.1);
        begin.and_then(|begin| begin.get(from..)).unwrap_or_default().to_owned()
    }
}

fn draw(
    (left, right): (f64, f64),
    (lower, upper): (f64, f64),
    unit: &str,
    x_label: impl Fn(&f64) -> String,
    series: impl FnOnce(&mut Chart<'_, '_>),
) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut builder = ChartBuilder::on(&area);
        let sized = builder.margin(8).margin_right(24).x_label_area_size(28).y_label_area_size(64);
        let mut chart = sized.build_cartesian_2d(left..right, lower..upper).expect(WRITABLE);
        let font = || FONT.into_font().color(&INK);
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().bold_line_style(GRID).light_line_style(TRANSPARENT).axis_style(INK);
        mesh.label_style(font()).axis_desc_style(font()).y_desc(unit).y_labels(5).x_labels(8);
        // Whole numbers without a point.
        mesh.y_label_formatter(&|y| format!("{}", (1e6 * y).round() / 1e6));
        mesh.x_label_formatter(&x_label).draw().expect(WRITABLE);
        series(&mut chart);
        area.present().expect(WRITABLE);
    }
    svg
}
