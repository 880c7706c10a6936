//! Traces as people, and what is too little of them.

use crate::cli::Error;
use crate::evaluate::material::{Cut, Item, Length, Material, strokes, windows};
use crate::evaluate::person::{Learn, Person, Sitting, divide};
use crate::evaluate::{keys, mouse};
use crate::event::json::Reject;
use crate::sources::trace::{Line, TraceReader};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What a trace in a folder ends with.
const EXTENSION: &str = "jsonl";

pub fn read_all(paths: &[PathBuf], learn: Learn) -> Result<Vec<Person>, Error> {
    if paths.len() < 2 {
        return Err(Error::Usage(format!(
            "at least two people are needed, and {} is one; each PERSON is a trace or a folder of one person's traces",
            paths.first().map(|path| path.display().to_string()).unwrap_or_default()
        )));
    }
    paths.iter().map(|path| read(path, learn)).collect()
}

fn read(path: &Path, learn: Learn) -> Result<Person, Error> {
    let name = path.display().to_string();
    let part = |name: &str| Some(path.join(name)).filter(|part| part.is_dir());
    if let Some(learnt) = part("learn") {
        let Some(genuine) = part("genuine") else {
            return Err(Error::Data(format!("{name} contains the folder `learn`, but not `genuine`, which is judged")));
        };
        let impostor = part("impostor").map(|folder| sittings(&folder)).transpose()?;
        let (learn, genuine) = (sittings(&learnt)?, sittings(&genuine)?);
        return Ok(Person { name, learn, genuine, impostor, is_cases: true });
    }
    let sittings = sittings(path)?;
    let ends_of = |ends: fn(&Sitting) -> Vec<usize>| sittings.iter().map(ends).collect::<Vec<_>>();
    let mut ends = ends_of(keys::ends);
    if ends.iter().all(Vec::is_empty) {
        ends = ends_of(mouse::ends);
    }
    let too_short = |error| Error::Data(format!("{name}: {error}. Record more, or learn less (--learn)"));
    let (learn, genuine) = divide(sittings, learn, &ends).map_err(too_short)?;
    Ok(Person { name, learn, genuine, impostor: None, is_cases: false })
}

/// A trace, or those of a folder in order of name.
fn sittings(path: &Path) -> Result<Vec<Sitting>, Error> {
    let no_input = |source| Error::NoInput { path: path.to_path_buf(), source };
    if !std::fs::metadata(path).map_err(no_input)?.is_dir() {
        return Ok(vec![sitting(path)?]);
    }
    let mut traces = Vec::new();
    for entry in std::fs::read_dir(path).map_err(no_input)? {
        let trace = entry.map_err(no_input)?.path();
        if trace.extension().is_some_and(|extension| extension == EXTENSION) && trace.is_file() {
            traces.push(trace);
        }
    }
    traces.sort();
    if traces.is_empty() {
        let path = path.display();
        return Err(Error::Data(format!(
            "{path} contains no trace (*.{EXTENSION}); a PERSON is one person: for a folder of people give {path}/*"
        )));
    }
    traces.iter().map(|trace| sitting(trace)).collect()
}

fn sitting(path: &Path) -> Result<Sitting, Error> {
    let no_input = |source: io::Error| Error::NoInput { path: path.to_path_buf(), source };
    let mut reader = TraceReader::new(File::open(path).map_err(no_input)?);
    let (mut events, mut rejected) = (Vec::new(), BTreeMap::<Reject, (u64, u64)>::new());
    while let Some(line) = reader.next_line().map_err(no_input)? {
        match line {
            Line::Event(stamped) => events.push(stamped),
            Line::Rejected(number, reject) => rejected.entry(reject).or_insert((number, 0)).1 += 1,
        }
    }
    for (reject, (first, count)) in rejected {
        eprintln!("{}:{first}: {count} lines discarded: {reject}", path.display());
    }
    if events.is_empty() {
        return Err(Error::Data(format!("{} contains no event", path.display())));
    }
    Ok(events)
}

/// Those who have input of a kind to learn and to judge; nobody if it is less than two and no impostors are known.
///
/// # Errors
/// One of them has less to judge than the shortest window takes.
pub fn with_input<T: Item>(
    people: &[Person],
    items: fn(&Sitting) -> Vec<T>,
    at_most: bool,
    lengths: &[Length],
    unit: &str,
    option: &str,
) -> Result<Vec<Material<T>>, Error> {
    let all = |sittings: &[Sitting]| sittings.iter().map(items).collect::<Vec<_>>();
    let mut with = Vec::new();
    for person in people {
        let cut = if person.is_cases { Cut::Cases { at_most } } else { Cut::Stream };
        let (learn, genuine) = (all(&person.learn), all(&person.genuine));
        let (learnt, left) = (strokes(&learn), strokes(&genuine));
        if learnt == 0 || left == 0 {
            continue;
        }
        if lengths.iter().all(|&length| windows(&genuine, cut, length).is_empty()) {
            let name = &person.name;
            let shortest =
                lengths.iter().filter_map(|length| if let Length::Strokes(n) = length { Some(n) } else { None });
            let shortest = shortest.min().copied().unwrap_or(1);
            let what = if person.is_cases { "none of its cases has" } else { "no sitting has" };
            return Err(Error::Data(format!(
                "{name}: {left} {unit} are left to judge, and {what} the {shortest} of the shortest window; record more, \
                 or shorten it ({option})"
            )));
        }
        with.push(Material { learn, genuine, impostor: person.impostor.as_deref().map(all), cut });
    }
    let is_enough = with.len() > 1 || with.iter().any(|material| material.impostor.is_some());
    Ok(if is_enough { with } else { Vec::new() })
}
