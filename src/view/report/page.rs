//! The page around the sections, and what each picture consists of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
/// Nothing is fetched and nothing runs, whatever a name of an application contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub struct Section {
    /// Of the address within the page.
    pub id: &'static str,
    pub heading: &'static str,
    pub body: Markup,
}

pub fn page(title: &str, subtitle: &str, summary: &[(&str, String)], sections: &[Section]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "To the content" }
                header {
                    h1 { (title) }
                    p { (subtitle) }
                    nav aria-label="Sections" { ul { @for section in sections {
                        li { a href=(format!("#{}", section.id)) { (section.heading) } }
                    } } }
                }
                main id="content" {
                    dl { @for (what, value) in summary { div { dt { (what) } dd { (value) } } } }
                    @for section in sections {
                        section id=(section.id) aria-labelledby=(format!("{}-heading", section.id)) {
                            h2 id=(format!("{}-heading", section.id)) { (section.heading) }
                            (section.body)
                        }
                    }
                }
            }
        }
    }
}

/// A picture with a sentence that says how to read it, and the same as a table.
pub fn figure(title: &str, how_to_read: &str, picture: Markup, table: Markup) -> Markup {
    html! {
        h3 { (title) }
        figure {
            (picture)
            figcaption { (how_to_read) }
            details {
                summary { "Table: " (title) }
                div class="scroll" tabindex="0" role="region" aria-label=(title) { (table) }
            }
        }
    }
}

/// A drawn text of SVG as a picture of the page.
pub fn picture(title: &str, svg: &str) -> Markup {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    html! {
        svg viewBox="0 0 720 240" role="img" aria-label=(title) { (PreEscaped(body.trim_end().trim_end_matches("</svg>"))) }
    }
}

/// Rows of cells; the first cell of each is its heading.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
    html! {
        table {
            thead { tr { @for name in head { th scope="col" { (name) } } } }
            tbody { @for row in rows { tr {
                @for (i, cell) in row.iter().enumerate() {
                    @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                }
            } } }
        }
    }
}
