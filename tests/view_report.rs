//! `seclyzer report`: one page that needs nothing else, with a table for each picture.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::agent::Home;
use support::month;

const NOW_US: u64 = 1_790_000_000_000_000;
const SPAN: [&str; 4] = ["--since", "2026-08-20", "--until", "2026-09-30"];
const SECTIONS: [&str; 7] = ["presence", "typing", "fingers", "mouse", "applications", "quality", "recognition"];

fn home() -> Home {
    Home::with_config("[redis]\nenabled = false\n")
}

fn month() -> Home {
    let home = home();
    month::fill(&home, 6_000, NOW_US);
    home
}

fn report(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(&[&["report"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn page(home: &Home) -> String {
    let (code, page, error) = report(home, &[&SPAN[..], &["-o", "-"]].concat());
    assert_eq!((code, error.as_str()), (Some(0), ""));
    page
}

#[test]
fn a_month_is_one_small_page_in_which_each_picture_has_a_sentence_and_a_table() {
    let page = page(&month());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    for section in SECTIONS {
        assert!(page.contains(&format!("<section id=\"{section}\"")) && page.contains(&format!("href=\"#{section}\"")));
    }
    let figures: Vec<&str> = page.split("<figure>").skip(1).collect();
    assert_eq!(figures.len(), 15);
    for figure in figures {
        let figure = figure.split("</figure>").next().expect("its end");
        assert_eq!(figure.matches("<svg ").count(), 1);
        let (caption, table) = figure.split_once("</figcaption>").expect("a caption");
        assert!(caption.rsplit("<figcaption>").next().expect("text").ends_with('.'), "{caption}");
        assert!(table.contains("<summary>") && table.contains("<tbody><tr>") && table.contains("scope=\"row\""));
    }
    assert_eq!(page.matches("role=\"img\" aria-label=").count(), 15);
    for wrong in ["NaN", "inf\"", "There is no "] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn nothing_is_fetched_nothing_runs_and_names_of_applications_are_only_text() {
    let page = page(&month());
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    for address in ["http:", "https:", "url(", "@import", "src=", "<link"] {
        let own = ["http://www.w3.org/2000/svg", "url(#arrow)"].into_iter().map(|own| page.matches(own).count());
        let allowed = if ["http:", "url("].contains(&address) { own.sum() } else { 0 };
        assert!(page.matches(address).count() <= allowed, "{address}");
    }
}

#[test]
fn every_tag_is_closed_in_its_place() {
    let page = page(&month());
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split([' ', '>', '/', '\n']).next().expect("a name");
        let (tag, _) = tag.split_once('>').expect("its end");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()));
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [] as [&str; 0]);
}

#[test]
fn the_file_is_its_owner_s_alone_and_replaces_none_unless_asked_to() {
    let home = month();
    assert_eq!(report(&home, &SPAN).0, Some(0));
    let file = home.path().join("seclyzer-report.html");
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(73));
    assert!(error.contains("--force"), "{error}");
    assert_eq!(report(&home, &[&SPAN[..], &["--force"]].concat()).0, Some(0));
}

#[test]
fn what_there_is_no_record_of_is_named() {
    let home = home();
    assert_eq!(report(&home, &[]).0, Some(66));
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    home.run(&["replay", "--speed", "max", "--drain", "0", trace.to_str().expect("UTF-8")]);
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(66));
    assert!(error.contains("no record of the origin device") && error.contains("origins trace"), "{error}");
    let (code, page, error) = report(&home, &["--since", "2000-01-01", "--origin", "trace", "-o", "-"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(page.contains("records of the origin trace") && page.contains("There is no score or decision"));
    assert_eq!(report(&home, &["--since", "1h", "--until", "2h"]).0, Some(64));
}
