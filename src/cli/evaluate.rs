//! `seclyzer evaluate`

mod people;
mod tables;
mod work;

use super::Error;
use crate::evaluate::material::{self, Length};
use crate::evaluate::person::{Learn, Person};
use crate::evaluate::report::{Errors, Report, errors};
use crate::evaluate::takeover::{Takeovers, summary};
use crate::evaluate::trials::Trial;
use crate::evaluate::{keys, mouse, svg, watch};
use crate::recognition::{Readiness, Settings};
use std::io::Write;
use std::path::PathBuf;
use work::in_parallel;

/// Measure how well recognition tells several people's traces apart: errors, takeovers, false alarms
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer evaluate anna.jsonl ben.jsonl carla.jsonl
  seclyzer evaluate people/* --learn first             a folder a person: one sitting is learnt, the others are judged
  seclyzer evaluate people/* --learn 2000keys --svg errors.svg
  seclyzer evaluate people/* --json | jq '.keys[] | {strokes, equal_error}'

A PERSON is a trace, or a folder of traces (*.jsonl), one a sitting, in order of name: the first part is learnt, the
rest is cut into windows. Or it is a folder with the folders `learn`, `genuine` and, optionally, `impostor`: what is in
`learn` is learnt, and each other trace is one case, of which the beginning is judged. Each window is judged by its
owner's model and by those of all others; where a person has `impostor`, his model judges those instead.

For errors, the model learns once and stays as it is. Takeovers run the whole of recognition as the agent does: an owner
goes on after what he has learnt, and at random moments somebody else does instead. Seconds are of input (a pause counts
2 s at most before a key, 5 s before the mouse); an alarm in the owner's own stream is counted and answered. Brackets are
95 % intervals: bootstrap over people, and Poisson for alarms. No model, database, server or configuration is used.

Exit codes: 0 done; 64 a wrong argument; 65 a trace is too short or contains no input; 66 there is no such trace;
73 the picture cannot be written.")]
pub struct Args {
    /// A trace or a folder of traces for each person
    #[arg(required = true, value_name = "PERSON")]
    people: Vec<PathBuf>,
    /// How much of each person's traces is learnt: 60%, 2000keys or first (the first trace)
    #[arg(long, default_value = "60%", value_name = "PART", value_parser = parse_learn)]
    learn: Learn,
    /// Lengths of windows of keystrokes; `all` is a sitting's
    #[arg(long, default_value = "25,50,100,150,300", value_name = "LIST", value_delimiter = ',', value_parser = parse_length)]
    keys: Vec<Length>,
    /// Lengths of windows of the mouse, in strokes (actions with motion)
    #[arg(long, default_value = "20,40,80,all", value_name = "LIST", value_delimiter = ',', value_parser = parse_length)]
    strokes: Vec<Length>,
    /// Judge cases that are shorter than a window as they are, instead of leaving them out
    #[arg(long)]
    at_most: bool,
    /// Takeovers for each person
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    takeovers: usize,
    /// Keystrokes to learn before takeovers are judged; the agent's number without it
    #[arg(long, default_value_t = Readiness::default().strokes, value_name = "KEYS")]
    ready: u64,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Draw errors and takeovers into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn parse_learn(text: &str) -> Result<Learn, String> {
    let share = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    let keys = text.strip_suffix("keys").and_then(|number| number.parse::<usize>().ok());
    match (share, keys) {
        (Some(percent), _) if percent > 0.0 && percent < 100.0 => Ok(Learn::Share(percent / 100.0)),
        (_, Some(keys)) if keys > 0 => Ok(Learn::Keys(keys)),
        _ if text == "first" => Ok(Learn::First),
        _ => Err("a share such as 60%, a number such as 2000keys, or first".into()),
    }
}

fn parse_length(text: &str) -> Result<Length, String> {
    match text.parse() {
        Ok(strokes) if strokes > 0 => Ok(Length::Strokes(strokes)),
        _ if text == "all" => Ok(Length::All),
        _ => Err("numbers above 0, such as 25,50,all".into()),
    }
}

pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let people = people::read_all(&args.people, args.learn)?;
    let report = Report {
        people: people.len(),
        learnt: learnt(args, &people),
        keys: errors_of_keys(args, &people)?,
        mouse: errors_of_mouse(args, &people)?,
        takeovers: takeovers(args, &people)?,
    };
    if report.keys.is_empty() && report.mouse.is_empty() {
        let why = "fewer than two people have input of the same kind, both to learn and to judge";
        return Err(Error::Data(why.into()));
    }
    if let Some(path) = &args.svg {
        let cannot_create = |source| Error::CannotCreate { path: path.clone(), source };
        std::fs::write(path, svg::picture(&report)).map_err(cannot_create)?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", tables::text(&report))?;
        if report.takeovers.is_none() && args.takeovers > 0 {
            writeln!(out, "\nTakeovers: nobody learnt enough to be judged (--ready)")?;
        }
    }
    Ok(())
}

fn learnt(args: &Args, people: &[Person]) -> String {
    let is_divided = people.iter().any(|person| !person.is_cases);
    if is_divided { args.learn.to_string() } else { "the folder `learn` of each".to_owned() }
}

fn errors_of_keys(args: &Args, people: &[Person]) -> Result<Vec<Errors>, Error> {
    let people = people::with_input(people, keys::strokes, args.at_most, &args.keys, "keystrokes", "--keys")?;
    let trials = in_parallel("keystrokes", people.len(), |owner| {
        let mut judge = keys::Judge::taught(&people[owner].learn);
        material::trials(owner, &people, &args.keys, |window| judge.score(window))
    });
    Ok(rates("keystrokes", &args.keys, &trials))
}

fn errors_of_mouse(args: &Args, people: &[Person]) -> Result<Vec<Errors>, Error> {
    let people = people::with_input(people, mouse::actions, args.at_most, &args.strokes, "strokes", "--strokes")?;
    let trials = in_parallel("mouse", people.len(), |owner| {
        let judge = mouse::Judge::taught(&people[owner].learn);
        material::trials(owner, &people, &args.strokes, |window| judge.score(window))
    });
    Ok(rates("mouse", &args.strokes, &trials))
}

/// The errors at each length, of the trials of each owner at each length.
fn rates(what: &str, lengths: &[Length], trials: &[Vec<Vec<Trial>>]) -> Vec<Errors> {
    let found = in_parallel(&format!("{what}: intervals"), lengths.len(), |i| {
        let of_length = trials.iter().flat_map(|of_owner| of_owner[i].iter().copied()).collect();
        errors(lengths[i], of_length, trials.len())
    });
    found.into_iter().flatten().collect()
}

fn takeovers(args: &Args, people: &[Person]) -> Result<Option<Takeovers>, Error> {
    if args.takeovers == 0 {
        return Ok(None);
    }
    let readiness = Readiness { strokes: args.ready, ..Readiness::default() };
    let settings = Settings { readiness, ..Settings::default() };
    let watched = in_parallel("takeovers", people.len(), |owner| watch::watch(owner, people, settings, args.takeovers));
    let (mut own, mut all) = (Vec::new(), Vec::new());
    for of_owner in watched {
        if let Some((stream, takeovers)) = of_owner.map_err(|error| Error::Unavailable(error.to_string()))? {
            own.push(stream);
            all.extend(takeovers);
        }
    }
    Ok(summary(&all, &own, people.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_is_a_share_a_number_of_keys_or_the_first_trace() {
        assert_eq!(parse_learn("60%"), Ok(Learn::Share(0.6)));
        assert_eq!(parse_learn("2000keys"), Ok(Learn::Keys(2_000)));
        assert_eq!(parse_learn("first"), Ok(Learn::First));
        for text in ["", "0%", "100%", "60", "keys", "0keys", "-5keys", "last", "nan%"] {
            assert!(parse_learn(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_length_is_a_number_above_0_or_all() {
        assert_eq!(parse_length("50"), Ok(Length::Strokes(50)));
        assert_eq!(parse_length("all"), Ok(Length::All));
        for text in ["", "0", "-1", "1.5", "every"] {
            assert!(parse_length(text).is_err(), "{text:?}");
        }
    }
}
