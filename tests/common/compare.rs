//! Records against records: numbers within a tolerance, everything else to the letter.

use serde_json::Value;

/// Two ways to round the same sum differ by less.
const RELATIVE: f64 = 1e-9;
/// For values that are zero but for rounding, such as the deviation of equal numbers.
const ABSOLUTE: f64 = 1e-9;

/// Every record that is expected is there, in order, with at least the expected fields, and no other record is.
pub fn assert_same_records(trace: &str, got: &str, expected: &str) {
    let (got, expected): (Vec<Value>, Vec<Value>) = (lines(got), lines(expected));
    for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
        let fields = expected.as_object().expect("a record is an object");
        for (field, expected) in fields {
            let got = got.get(field).unwrap_or_else(|| panic!("{trace}, record {i}: no {field}"));
            assert!(same(got, expected), "{trace}, record {i}, {field}: {got} is not {expected}");
        }
    }
    assert_eq!(got.len(), expected.len(), "{trace}: number of records");
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn same(got: &Value, expected: &Value) -> bool {
    match (got.as_f64(), expected.as_f64()) {
        (Some(got), Some(expected)) => (got - expected).abs() <= ABSOLUTE + RELATIVE * expected.abs(),
        _ => got == expected,
    }
}
