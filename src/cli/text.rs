//! Text for terminals.

/// A text from elsewhere, as one line that changes nothing on a terminal: control characters, which could, are replaced.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Rows in columns as wide as their widest cell; a line each.
pub fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).chain([head[i].len()]).max().unwrap_or(0);
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (i, cell) in cells.into_iter().enumerate() {
            line += &format!("{cell:<width$}  ", width = width(i));
        }
        line.trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| line(std::array::from_fn(|i| row[i].as_str())));
    std::iter::once(line(*head)).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{9b}2J\nb – 字"), "a\u{fffd}]0;x\u{fffd}\u{fffd}2J\u{fffd}b – 字");
    }
}
