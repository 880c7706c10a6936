//! The screen as the picture that the README shows.

use super::{looking_at, status, terminal};
use std::fmt::Write;
use std::path::Path;
use vt100::{Cell, Color, Screen};

const COLUMNS: u16 = 80;
const ROWS: u16 = 24;
/// Of a character.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 16;
const MARGIN: u16 = 12;
/// Of a line of text above its lower edge.
const ABOVE: u16 = 4;
const STYLE: &str = "rect { fill: #fff } text, .reversed { fill: #1b1b1f } .on { fill: #fff } .green { fill: #116329 } \
.red { fill: #b3261e } .bold { font-weight: bold } text { font: 13.3px 'DejaVu Sans Mono', Menlo, Consolas, monospace; \
white-space: pre } @media (prefers-color-scheme: dark) { rect, .on { fill: #16171a } text, .reversed { fill: #ececf0 } \
.green { fill: #7ee787 } .red { fill: #ff8a80 } }";

/// Neighbours that look the same are one text.
fn class(cell: &Cell) -> String {
    let mut names = Vec::new();
    names.extend(cell.inverse().then_some("on"));
    names.extend(cell.bold().then_some("bold"));
    names.extend(match cell.fgcolor() {
        Color::Idx(1) => Some("red"),
        Color::Idx(2) => Some("green"),
        _ => None,
    });
    names.join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A run of characters that begins in this column.
fn run(svg: &mut String, row: u16, column: u16, text: &str, class: &str) {
    let (x, y) = (MARGIN + column * WIDTH, MARGIN + row * HEIGHT);
    let length = text.chars().count() as u16 * WIDTH;
    if class.split(' ').any(|name| name == "on") {
        writeln!(svg, r#"<rect class="reversed" x="{x}" y="{y}" width="{length}" height="{HEIGHT}"/>"#)
            .expect("memory");
    } else if text.trim().is_empty() {
        return;
    }
    let (y, text) = (y + HEIGHT - ABOVE, escaped(text));
    writeln!(svg, r#"<text class="{class}" x="{x}" y="{y}" textLength="{length}">{text}</text>"#).expect("memory");
}

fn drawn(screen: &Screen) -> String {
    let (width, height) = (COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>{STYLE}</style>
<rect width="{width}" height="{height}" rx="6"/>
"#
    );
    for row in 0..ROWS {
        let cells = (0..COLUMNS).filter_map(|column| screen.cell(row, column));
        let cells: Vec<(String, &str)> =
            cells.map(|cell| (class(cell), if cell.has_contents() { cell.contents() } else { " " })).collect();
        let mut column = 0;
        for same in cells.chunk_by(|(one, _), (other, _)| one == other) {
            let text: String = same.iter().map(|(_, text)| *text).collect();
            run(&mut svg, row, column, &text, &same[0].0);
            column += same.len() as u16;
        }
    }
    svg + "</svg>\n"
}

#[test]
fn the_picture_in_the_readme_is_the_screen() {
    let mut state = looking_at(&status());
    state.has_colours = true;
    let picture = drawn(terminal(&state, COLUMNS, ROWS).screen());
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = project.join("target/pictures");
    std::fs::create_dir_all(&made).expect("a folder");
    std::fs::write(made.join("top.svg"), &picture).expect("a file");
    let shown = std::fs::read_to_string(project.join("docs/pictures/top.svg")).unwrap_or_default();
    assert_eq!(shown, picture, "run `make pictures`");
}
