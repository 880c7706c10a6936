//! Text for terminals.

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
