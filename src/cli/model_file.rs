//! A model in a file: the definition's JSON, readable for its owner alone.

use super::Error;
use crate::agent::control::MODEL_BYTES;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Reads what may be a model.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let no_input = |source| Error::NoInput { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(no_input)?;
    let length = file.metadata().map_err(no_input)?.len();
    if !(1..=MODEL_BYTES as u64).contains(&length) {
        let what = if length == 0 { "empty" } else { "too large for a model" };
        return Err(no_input(io::Error::other(format!("{what}; a file that `seclyzer model export` has written"))));
    }
    let mut model = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    (&mut file).take(MODEL_BYTES as u64).read_to_end(&mut model).map_err(no_input)?;
    Ok(model)
}

/// Fails if a file is in the way.
pub fn check_place(path: &Path, force: bool) -> Result<(), Error> {
    if force || !path.exists() {
        return Ok(());
    }
    let source = io::Error::new(ErrorKind::AlreadyExists, "exists already; name another file, or use --force");
    Err(Error::CannotCreate { path: path.to_owned(), source })
}

/// Writes a model in full or not at all; a file that is replaced is there until the end.
pub fn write(path: &Path, model: &[u8], force: bool) -> Result<(), Error> {
    let mut place = path.as_os_str().to_owned();
    if force {
        place.push(format!(".{}", std::process::id()));
    }
    let place = PathBuf::from(place);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place)?;
        let filled = file.write_all(model).and_then(|()| file.sync_all());
        let in_place = filled.and_then(|()| if force { std::fs::rename(&place, path) } else { Ok(()) });
        in_place.inspect_err(|_| {
            // If it stays behind, it is its owner's alone.
            let _ = std::fs::remove_file(&place);
        })
    };
    write().map_err(|source| Error::CannotCreate { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_reads_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        for (model, force) in [(b"{\"version\": 1}".as_slice(), false), (b"{}", true)] {
            check_place(&path, force).expect("free");
            write(&path, model, force).expect("written");
            assert_eq!(*read(&path).expect("read"), model);
            assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        }
        assert!(check_place(&path, false).is_err());
        assert!(write(&path, b"{}", false).is_err());
    }
}
