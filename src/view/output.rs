//! Where it goes: files that are their owner's alone and there in full or not at all, or standard output.

use seclyzer::cli::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Standard,
    File(PathBuf),
}

impl Place {
    /// A file, where none is in the way or it may be replaced.
    pub fn file(path: PathBuf, force: bool) -> Result<Place, Error> {
        check_free(&path, force).map(|()| Place::File(path))
    }
}

/// Fails if a file is in the way.
fn check_free(path: &Path, force: bool) -> Result<(), Error> {
    if force || path.symlink_metadata().is_err() {
        return Ok(());
    }
    let source = io::Error::new(ErrorKind::AlreadyExists, "exists already; name another file, or use --force");
    Err(Error::CannotCreate { path: path.into(), source })
}

/// An output that is being written. A file has another name until it is finished, and is removed if it never is.
pub enum Output {
    Standard(BufWriter<Stdout>),
    File { file: Option<BufWriter<File>>, part: PathBuf, path: PathBuf, force: bool },
}

impl Output {
    pub fn begin(place: Place, force: bool) -> Result<Output, Error> {
        let path = match place {
            Place::Standard => return Ok(Output::Standard(BufWriter::new(io::stdout()))),
            Place::File(path) => path,
        };
        let mut part = path.clone().into_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = file.map_err(|source| Error::CannotCreate { path: path.clone(), source })?;
        Ok(Output::File { file: Some(BufWriter::new(file)), part, path, force })
    }

    pub fn file(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Output::Standard(out) => out,
            Output::File { file, .. } => file.as_mut().expect("there until it is finished"),
        }
    }

    /// The error of writing it.
    pub fn failed(&self, source: io::Error) -> Error {
        match self {
            Output::Standard(_) => Error::Output(source),
            Output::File { path, .. } => Error::CannotCreate { path: path.clone(), source },
        }
    }

    pub fn finish(mut self) -> Result<(), Error> {
        if let Output::File { path, force, .. } = &self {
            // Somebody else may have made it meanwhile.
            check_free(path, *force)?;
        }
        let finish = |output: &mut Output| -> io::Result<()> {
            match output {
                Output::Standard(out) => out.flush(),
                Output::File { file, part, path, .. } => {
                    let written = file.take().expect("there until now").into_inner()?;
                    written.sync_all()?;
                    std::fs::rename(part, path)
                }
            }
        };
        finish(&mut self).map_err(|error| self.failed(error))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Output::File { part, .. } = self {
            // It is gone if it was finished. If it stays behind, it is its owner's alone.
            let _ = std::fs::remove_file(part);
        }
    }
}
