//! A model in a file: the definition's JSON, readable for its owner alone.

use super::Error;
use crate::recognition::Saved;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A model of the largest size is some 2 MB.
const LONGEST: u64 = 16 << 20;

/// Reads a model.
pub fn read(path: &Path) -> Result<Saved, Error> {
    let no_input = |source| Error::NoInput { path: path.into(), source };
    let length = fs::metadata(path).map_err(no_input)?.len();
    if length > LONGEST {
        return Err(no_input(io::Error::new(io::ErrorKind::InvalidData, "too long to be a model")));
    }
    let text = fs::read(path).map_err(no_input)?;
    Saved::from_json(&text).map_err(|source| Error::Model { path: path.into(), source })
}

/// Writes a model over what is there, completely or not at all.
pub fn write(path: &Path, model: &Saved) -> Result<(), Error> {
    let unfinished = PathBuf::from(format!("{}.unfinished", path.display()));
    let write = || -> io::Result<()> {
        // It may be left over.
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&model.to_json())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|source| Error::CannotCreate { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::{Recognition, Settings};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_reads_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        let model = Recognition::new(Settings::default(), None).expect("an empty one").saved();
        for _ in 0..2 {
            write(&path, &model).expect("written");
            assert_eq!(read(&path).expect("read"), model);
            assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_model_or_a_newer_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        for (text, complaint) in [("[]", "does not fit"), (r#"{"version": 2, "keys": 7}"#, "version 2"), ("", "JSON")] {
            fs::write(&path, text).expect("written");
            let error = read(&path).expect_err("no model").to_string();
            assert!(error.contains(complaint) && error.contains("model.json"), "{error}");
        }
    }
}
