//! The table of targets.

/// How the figure is to stand to its target.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// What the system that the agent replaces needed for the same, from its own `docs/benchmarks.md`; three processes and
/// more where the agent is one.
#[derive(Debug, Clone, Copy)]
pub enum Earlier {
    Unknown,
    Was(f64),
}

pub struct Report {
    missed: u32,
}

impl Report {
    pub fn begin() -> Report {
        println!("\n| what | target | value | verdict | earlier system | ratio |\n|---|---|---|---|---|---|");
        Report { missed: 0 }
    }

    /// One row; `value` is `None` where it could not be measured, for the reason that is given.
    pub fn row(&mut self, what: &str, target: Target, value: Result<f64, &str>, unit: &str, earlier: Earlier) {
        let (sign, limit) = match target {
            Target::AtMost(limit) => ('≤', limit),
            Target::AtLeast(limit) => ('≥', limit),
        };
        let (shown, verdict, ratio) = match value {
            Err(reason) => ("–".into(), format!("not measured: {reason}"), "–".into()),
            Ok(value) => (format!("{} {unit}", short(value)), self.judge(target, value), ratio(value, earlier)),
        };
        let earlier = match earlier {
            Earlier::Unknown => "–".into(),
            Earlier::Was(value) => format!("{} {unit}", short(value)),
        };
        println!("| {what} | {sign} {} {unit} | {shown} | {verdict} | {earlier} | {ratio} |", short(limit));
    }

    fn judge(&mut self, target: Target, value: f64) -> String {
        let by = match target {
            Target::AtMost(limit) if value > limit => value / limit.max(f64::MIN_POSITIVE),
            Target::AtLeast(limit) if value < limit => limit / value,
            _ => return "met".into(),
        };
        self.missed += 1;
        if by.is_finite() && by < 1000.0 {
            format!("**missed by {:.0} %**", 100.0 * (by - 1.0))
        } else {
            "**missed**".into()
        }
    }

    pub fn end(self) {
        println!("\n{} targets missed; docs/benchmarks.md says why.", self.missed);
    }
}

fn ratio(value: f64, earlier: Earlier) -> String {
    match earlier {
        Earlier::Was(before) if value > 0.0 => format!("1/{}", short(before / value)),
        _ => "–".into(),
    }
}

/// Three digits that say something.
pub fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).clamp(0, 4) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
