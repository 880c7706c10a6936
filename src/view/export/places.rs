//! Which file each kind goes to.

use crate::output::Place;
use seclyzer::cli::Error;
use seclyzer::cli::view::{ExportArgs, Format};
use seclyzer::record::Kind;
use std::path::Path;

/// A place a kind. Nothing is written yet.
pub fn of(args: &ExportArgs, kinds: &[Kind]) -> Result<Vec<Place>, Error> {
    let output = args.output.as_path();
    let is_folder = output.is_dir();
    if kinds.len() > 1 && !is_folder {
        let all = "each kind is a file of its own: name a folder that exists, or one kind with --kind";
        return Err(Error::Usage(format!("-o {}: {all}", output.display())));
    }
    kinds
        .iter()
        .map(|kind| match output {
            output if output == Path::new("-") => Ok(Place::Standard),
            output if is_folder => Place::file(output.join(file_name(*kind, args.format)), args.force),
            output => Place::file(output.into(), args.force),
        })
        .collect()
}

fn file_name(kind: Kind, format: Format) -> String {
    let ending = match format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Parquet => "parquet",
    };
    format!("seclyzer-{}.{ending}", kind.name())
}
