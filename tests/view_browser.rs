//! The page of `seclyzer report` in a browser: what it shows, to whom, and what it asks for.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::agent::Home;
use support::browser::Browser;
use support::month;

const NOW_US: u64 = 1_790_000_000_000_000;
const PICTURES: usize = 15;
const SECTIONS: usize = 7;
const PICTURE_WIDTH: u32 = 790;
/// What WCAG 2 asks of normal text (1.4.3, level AA).
const LEAST_CONTRAST: f64 = 4.5;

fn report(home: &Home) -> PathBuf {
    month::fill(home, 6_000, NOW_US);
    let output = home.run(&["report", "--since", "2026-08-20", "--until", "2026-09-30"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home.path().join("seclyzer-report.html")
}

fn opened(home: &Home) -> Browser {
    Browser::open(&report(home), 1000, 900)
}

/// The file in an answer.
fn decoded(answer: &Value) -> Vec<u8> {
    STANDARD.decode(answer["data"].as_str().expect("a file")).expect("base64")
}

fn home() -> Home {
    Home::with_config("[redis]\nenabled = false\n[identity]\nuser = \"ann\"\nhost = \"desk\"\n")
}

#[test]
fn nothing_but_the_file_is_asked_for_and_the_browser_has_nothing_to_complain_of() {
    let mut page = opened(&home());
    let asked = page.reported("Network.requestWillBeSent");
    let addresses: Vec<&str> =
        asked.iter().map(|asked| asked["request"]["url"].as_str().expect("an address")).collect();
    assert!(matches!(addresses.as_slice(), [own] if own.ends_with("/seclyzer-report.html")), "{addresses:?}");
    page.prefer("dark", "print");
    page.value("document.body.offsetHeight");
    for complaint in ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"] {
        assert_eq!(page.reported(complaint), [] as [&Value; 0], "{complaint}");
    }
}

#[test]
fn every_picture_is_drawn_and_fits_in_a_wide_window_and_on_a_telephone() {
    let mut page = opened(&home());
    for width in [1000, 360] {
        page.resize(width, 900);
        let boxes = page.value(
            "[...document.querySelectorAll('figure svg')].map(svg => {
                const box = svg.getBoundingClientRect();
                const drawn = [...svg.querySelectorAll('rect, path, polyline, polygon, line, circle, text')];
                return [box.left, box.right, box.height, drawn.filter(mark => mark.getBBox().width > 0).length];
            })",
        );
        let boxes: Vec<[f64; 4]> = serde_json::from_value(boxes).expect("numbers");
        assert_eq!(boxes.len(), PICTURES);
        for [left, right, height, marks] in boxes {
            assert!(
                left >= 0.0 && right <= f64::from(width) && height > 50.0 && marks > 8.0,
                "{left} {right} {height} {marks}"
            );
        }
        assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth"), true, "{width} wide");
    }
}

#[test]
fn a_screen_reader_is_given_every_picture_by_name_and_every_table() {
    let mut page = opened(&home());
    page.value("document.querySelectorAll('details').forEach(table => table.open = true)");
    let tree = page.ask("Accessibility.getFullAXTree", json!({}));
    let nodes: Vec<&Value> =
        tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] == false).collect();
    let names = |role: &str| -> Vec<&str> {
        let of_role = nodes.iter().filter(|node| node["role"]["value"] == role);
        of_role.map(|node| node["name"]["value"].as_str().unwrap_or_default()).collect()
    };
    let pictures = names("image");
    assert_eq!(pictures.len(), PICTURES, "{pictures:?}");
    assert!(pictures.iter().all(|name| !name.is_empty()), "{pictures:?}");
    assert!(names("table").len() >= PICTURES);
    assert!(names("columnheader").len() >= 2 * PICTURES && names("rowheader").len() >= PICTURES);
    for landmark in ["main", "navigation", "banner"] {
        assert_eq!(names(landmark).len(), 1, "{landmark}");
    }
    assert_eq!(page.value("document.documentElement.lang"), "en");
}

#[test]
fn with_the_keyboard_alone_the_content_each_section_and_each_table_are_reached() {
    let mut page = opened(&home());
    let mut reached = Vec::new();
    for _ in 0..=SECTIONS + PICTURES {
        page.press("Tab", 9, "");
        // The browser scrolls to it with the next picture that it draws.
        page.wait_until(
            "what has the focus is on the screen",
            "(box => box.width > 0 && box.top >= 0 && box.bottom <= innerHeight + 1)(document.activeElement.getBoundingClientRect())",
        );
        assert_ne!(
            page.value("getComputedStyle(document.activeElement).outlineStyle"),
            "none",
            "it shows that it has it"
        );
        reached.push(page.value("document.activeElement.localName"));
    }
    let expected = [vec!["a"; 1 + SECTIONS], vec!["summary"; PICTURES]].concat();
    assert_eq!(reached, expected);
    let table = "document.activeElement.parentElement.querySelector('table').checkVisibility()";
    assert_eq!(page.value(table), false);
    page.press("Enter", 13, "\r");
    page.wait_until("its table is there", table);
    page.press("Tab", 9, "");
    assert_eq!(page.value("document.activeElement.getAttribute('role')"), "region", "it can be scrolled with the keys");
}

/// The least contrast that a text of the page has with what is behind it.
const CONTRAST: &str = "(() => {
    const rgb = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = colour => rgb(colour).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const behind = it => { for (; it; it = it.parentElement) {
        const colour = getComputedStyle(it).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour; } return 'rgb(255, 255, 255)'; };
    let least = 21;
    for (const it of document.querySelectorAll('h1, h2, h3, p, a, dt, dd, figcaption, summary, th, td, svg text')) {
        const style = getComputedStyle(it);
        const [a, b] = [it.tagName === 'text' ? style.fill : style.color, behind(it)].map(light);
        least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
    }
    return least; })()";

/// The part of the page that is pictured: how long keys are held, from there to the keyboard.
fn clip(page: &mut Browser) -> Value {
    let mut edges = page.value(
        "(() => { const figures = document.querySelectorAll('figure');
            const first = [...figures].find(figure => figure.querySelector('svg[aria-label*=dwell]'));
            const last = document.querySelector('#fingers figure figcaption');
            return [first.previousElementSibling, last].map(it => it.getBoundingClientRect()).map(box => [box.top, box.bottom]); })()",
    );
    let edges: [[f64; 2]; 2] = serde_json::from_value(edges.take()).expect("numbers");
    let (top, bottom) = (edges[0][0] - 12.0, edges[1][1] + 12.0);
    json!({ "x": 0, "y": top, "width": PICTURE_WIDTH, "height": bottom - top, "scale": 1 })
}

#[test]
fn it_is_readable_in_light_and_dark_and_printed_and_is_pictured_so() {
    let mut page = opened(&home());
    let mut papers = Vec::new();
    for (scheme, medium) in [("light", "screen"), ("dark", "screen"), ("dark", "print")] {
        page.prefer(scheme, medium);
        let contrast = page.value(CONTRAST).as_f64().expect("a number");
        assert!(contrast >= LEAST_CONTRAST, "{scheme} {medium}: {contrast}");
        papers.push(page.value("getComputedStyle(document.body).backgroundColor"));
    }
    assert_eq!(papers, ["rgb(255, 255, 255)", "rgb(22, 23, 26)", "rgb(255, 255, 255)"]);
    assert_eq!(page.value("document.querySelector('nav').offsetHeight"), 0, "paper needs no links");
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&made).expect("a folder");
    page.resize(PICTURE_WIDTH, 900);
    for (name, scheme, medium) in
        [("light", "light", "screen"), ("dark", "dark", "screen"), ("print", "light", "print")]
    {
        page.prefer(scheme, medium);
        let shown = json!({ "captureBeyondViewport": true, "clip": clip(&mut page) });
        let picture = page.ask("Page.captureScreenshot", shown);
        let png = decoded(&picture);
        assert!(png.len() > 20_000, "something is drawn on it");
        std::fs::write(made.join(format!("report-{name}.png")), png).expect("a file");
    }
}

#[test]
fn printed_it_has_each_picture_whole_and_ends_within_some_pages() {
    let mut page = opened(&home());
    let printed = page.ask("Page.printToPDF", json!({ "printBackground": true }));
    let pdf = decoded(&printed);
    let pages = pdf.windows(11).filter(|bytes| bytes == b"/Type /Page").count() - 1;
    assert!((4..=12).contains(&pages), "{pages} pages");
}
