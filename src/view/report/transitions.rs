//! Which application follows which, as a drawn graph.

use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const RADIUS: f64 = 160.0;
/// Half a node's width and height.
const NODE: (f64, f64) = (58.0, 20.0);
const WIDEST: f64 = 9.0;

/// Where an application is on the circle.
fn centre(i: usize, count: usize) -> (f64, f64) {
    let angle = std::f64::consts::TAU * i as f64 / count as f64 - std::f64::consts::FRAC_PI_2;
    (WIDTH / 2.0 + 1.5 * RADIUS * angle.cos(), HEIGHT / 2.0 + RADIUS * angle.sin())
}

/// The applications between which there are most changes, with arrows as wide as these are frequent.
pub fn graph(title: &str, transitions: &[(String, String, u32)]) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for name in transitions.iter().flat_map(|(from, to, _)| [from.as_str(), to]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let place = |name: &str| names.iter().position(|known| *known == name);
    let most = transitions.iter().map(|(_, _, times)| *times).max().unwrap_or(1);
    let most = f64::from(most);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) class="graph" {
            defs {
                marker id="arrow" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="16" markerHeight="16"
                    markerUnits="userSpaceOnUse" orient="auto" { path d="M0 0L6 3L0 6Z" class="head" {} }
            }
            @for (from, to, times) in transitions {
                @if let (Some(i), Some(j)) = (place(from), place(to)) {
                    path d=(arrow(centre(i, names.len()), centre(j, names.len()))) class="edge" marker-end="url(#arrow)"
                        stroke-width=(format!("{:.1}", 1.0 + (WIDEST - 1.0) * f64::from(*times) / most)) {
                        title { (from) " to " (to) ": " (times) " times" }
                    }
                }
            }
            @for (i, name) in names.iter().enumerate() {
                @let (x, y) = centre(i, names.len());
                ellipse cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) rx=(NODE.0) ry=(NODE.1) class="node" {}
                text x=(format!("{x:.1}")) y=(format!("{:.1}", y + 4.0)) text-anchor="middle" { (shortened(name)) }
            }
        }
    }
}

/// A curve from the edge of one node to that of another, bent so that the way back has its own.
fn arrow(from: (f64, f64), to: (f64, f64)) -> String {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let bend = (from.0 + dx / 2.0 - 0.15 * dy, from.1 + dy / 2.0 + 0.15 * dx);
    // Where the line from the bend to a node's centre crosses its edge, with room for the arrow's head.
    let edge = |(x, y): (f64, f64), room: f64| {
        let (dx, dy) = (bend.0 - x, bend.1 - y);
        let share = 1.0 / (dx / (NODE.0 + room)).hypot(dy / (NODE.1 + room));
        (x + share * dx, y + share * dy)
    };
    let (start, end) = (edge(from, 0.0), edge(to, 3.0));
    format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", start.0, start.1, bend.0, bend.1, end.0, end.1)
}

fn shortened(name: &str) -> String {
    const MOST: usize = 16;
    if name.chars().count() <= MOST { name.into() } else { name.chars().take(MOST - 1).chain(['…']).collect() }
}
