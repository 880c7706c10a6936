//! What readers of records must agree on with SQL.

use super::agent::Home;
use seclyzer::record::Kind;

/// What SQL counts, and adds up over each number of a kind, in the order of the columns.
pub fn sums_by_sql(home: &Home, kind: Kind) -> Vec<(String, f64, f64)> {
    let connection = seclyzer::store::read_only(&home.database()).expect("a database");
    let sql = format!("SELECT name FROM pragma_table_info('{}') WHERE type IN ('REAL', 'INTEGER')", kind.table());
    let mut statement = connection.prepare(&sql).expect("a query");
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect();
    let numbers = names.into_iter().filter(|name| !["id", "stored", "dev_mode", "degraded"].contains(&name.as_str()));
    numbers
        .map(|name| {
            let sql = format!("SELECT count({name}), total({name}) FROM {}", kind.table());
            let (count, sum) = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("sums");
            (name, count, sum)
        })
        .collect()
}

/// Whether a reader of the records has that many values of a column, with that sum.
pub fn assert_same_sum(what: &str, (count, sum): (f64, f64), expected: (f64, f64)) {
    assert_eq!(count, expected.0, "{what}");
    assert!((sum - expected.1).abs() <= 1e-9 * expected.1.abs(), "{what}: {sum}, by SQL {}", expected.1);
}
