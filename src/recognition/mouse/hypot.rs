//! The length of a vector, correctly rounded.

/// The factor that splits a double into two halves of 26 bits (T. J. Dekker, "A floating-point technique for extending
/// the available precision", Numerische Mathematik 18, 1971).
const SPLIT: f64 = 134_217_729.0;

/// √(x² + y²), for counts: squares must neither overflow nor vanish. The system's own function may be off by the last
/// bit, differently from machine to machine, and where a pointer moves evenly that bit decides when it was fastest.
pub fn hypot(x: f64, y: f64) -> f64 {
    let (long, short) = if x.abs() < y.abs() { (y, x) } else { (x, y) };
    let (long, long_lost) = square(long);
    let (short, short_lost) = square(short);
    let root = (long + short).sqrt();
    if root == 0.0 {
        return x.abs().max(y.abs());
    }
    let (squared, squared_lost) = square(root);
    let missing = (long - squared + short) + (long_lost + short_lost - squared_lost);
    root + missing / (2.0 * root)
}

/// The square, and what it has lost to rounding.
fn square(x: f64) -> (f64, f64) {
    let square = x * x;
    let split = SPLIT * x;
    let high = split - (split - x);
    let low = x - high;
    (square, (high * high - square) + 2.0 * high * low + low * low)
}

#[cfg(test)]
mod tests {
    use super::hypot;

    #[test]
    fn whole_triangles_have_whole_hypotenuses() {
        for (x, y, length) in
            [(3.0, 4.0, 5.0), (-5.0, 12.0, 13.0), (8.0, -15.0, 17.0), (0.0, -7.0, 7.0), (0.0, 0.0, 0.0)]
        {
            assert_eq!(hypot(x, y), length);
            assert_eq!(hypot(y, x), length);
        }
    }

    #[test]
    fn the_last_bit_is_right_where_the_plain_root_is_wrong() {
        // Worked out with decimals of 60 digits.
        const TRIANGLES: [(f64, f64, f64); 3] = [
            (-21.967, -64.37, 68.01504237299275),
            (81.047, -86.5, 118.5363497371165),
            (81.961, -84.12, 117.44692384647628),
        ];
        for (x, y, length) in TRIANGLES {
            assert_eq!(hypot(x, y), length, "{x} {y}");
            assert_ne!((x * x + y * y).sqrt(), length, "{x} {y}");
        }
    }

    #[test]
    fn motion_too_small_to_be_squared_still_has_a_length() {
        assert_eq!(hypot(1e-300, 0.0), 1e-300);
        assert_eq!(hypot(0.0, -1e-200), 1e-200);
    }
}
