//! Where it goes: files that are their owner's alone and there in full or not at all, standard output, or what is there
//! to be written into: pipes and devices.

use nix::fcntl::AtFlags;
use nix::unistd::linkat;
use seclyzer::cli::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Standard,
    /// A pipe with a name, or a character device as /dev/null: it is written into, and never replaced.
    Stream(PathBuf),
    File(PathBuf),
}

impl Place {
    /// A file, where none is in the way or it may be replaced; or a stream.
    ///
    /// # Errors
    /// A file is in the way, or what is there cannot be a file.
    pub fn file(path: PathBuf, force: bool) -> Result<Place, Error> {
        let Ok(kind) = path.metadata().map(|metadata| metadata.file_type()) else {
            return check_free(&path, force).map(|()| Place::File(path));
        };
        if kind.is_fifo() || kind.is_char_device() {
            return Ok(Place::Stream(path));
        }
        if kind.is_file() {
            check_free(&path, force)?;
            // What a link names is replaced, and never the link: /dev/stdout is one.
            let file = if path.is_symlink() { path.canonicalize() } else { Ok(path.clone()) };
            return file.map(Place::File).map_err(|source| Error::CannotCreate { path, source });
        }
        let (kind, why) = match kind.is_dir() {
            true => (ErrorKind::IsADirectory, "is a folder; name a file in it"),
            false => (ErrorKind::InvalidInput, "is no file, pipe or character device; name another"),
        };
        Err(Error::CannotCreate { path, source: io::Error::new(kind, why) })
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

/// An output that is being written. A file has no name until it is finished, so that nothing is left of one that never
/// is, even by a signal. Where the file system has no such files, it has another name until then.
pub enum Output {
    Standard(BufWriter<Stdout>),
    Stream { out: BufWriter<File>, path: PathBuf },
    File { file: Option<BufWriter<File>>, part: Option<PathBuf>, path: PathBuf, force: bool },
}

impl Output {
    pub fn begin(place: Place, force: bool) -> Result<Output, Error> {
        let path = match place {
            Place::Standard => return Ok(Output::Standard(BufWriter::new(io::stdout()))),
            Place::Stream(path) => {
                let file = OpenOptions::new().write(true).custom_flags(libc::O_NOCTTY).open(&path);
                return match file {
                    Ok(file) => Ok(Output::Stream { out: BufWriter::new(file), path }),
                    Err(source) => Err(Error::CannotCreate { path, source }),
                };
            }
            Place::File(path) => path,
        };
        let (file, part) = match unnamed(&path) {
            Some(file) => (file, None),
            None => {
                let part = other_name(&path);
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
                (file.map_err(|source| Error::CannotCreate { path: path.clone(), source })?, Some(part))
            }
        };
        Ok(Output::File { file: Some(BufWriter::new(file)), part, path, force })
    }

    pub fn file(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Output::Standard(out) => out,
            Output::Stream { out, .. } => out,
            Output::File { file, .. } => file.as_mut().expect("there until it is finished"),
        }
    }

    /// The error of writing it.
    pub fn failed(&self, source: io::Error) -> Error {
        match self {
            Output::Standard(_) => Error::Output(source),
            Output::Stream { path, .. } | Output::File { path, .. } => {
                Error::CannotCreate { path: path.clone(), source }
            }
        }
    }

    /// Says on standard error what the file contains and its size; of a stream nothing.
    ///
    /// # Errors
    /// It cannot be written in full, or another file has taken its name.
    pub fn finish(mut self, contents: &str) -> Result<(), Error> {
        if let Output::File { path, force, .. } = &self {
            // Somebody else may have made it meanwhile.
            check_free(path, *force)?;
        }
        let finish = |output: &mut Output| -> io::Result<()> {
            match output {
                Output::Standard(out) => out.flush(),
                Output::Stream { out, .. } => out.flush(),
                Output::File { file, part, path, force } => {
                    let written = file.take().expect("there until now").into_inner()?;
                    written.sync_all()?;
                    match part {
                        Some(part) => std::fs::rename(part, path),
                        None => name(&written, path, *force),
                    }
                }
            }
        };
        finish(&mut self).map_err(|error| self.failed(error))?;
        if let Output::File { path, .. } = &self {
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            // The file is there, whether or not that can be said.
            let _ = writeln!(io::stderr(), "{}: {contents}; {}", path.display(), size(bytes));
        }
        Ok(())
    }
}

/// Of a file, in units of a thousand.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e3 => format!("{bytes:.0} bytes"),
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Output::File { part: Some(part), .. } = self {
            // It is gone if it was finished. If it stays behind, it is its owner's alone.
            let _ = std::fs::remove_file(part);
        }
    }
}

/// Where open files can be named.
const DESCRIPTORS: &str = "/proc/self/fd";

/// A file without a name, on the file system of this path; `None` where there are none.
fn unnamed(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(folder).ok();
    file.filter(|_| Path::new(DESCRIPTORS).is_dir())
}

/// Gives it a name. One that is taken is an error, unless it may be replaced.
fn name(file: &File, path: &Path, force: bool) -> io::Result<()> {
    let own = Path::new(DESCRIPTORS).join(file.as_raw_fd().to_string());
    let link =
        |path: &Path| linkat(None, own.as_path(), None, path, AtFlags::AT_SYMLINK_FOLLOW).map_err(io::Error::from);
    match link(path) {
        Err(error) if force && error.kind() == ErrorKind::AlreadyExists => {
            // Only a name takes another's place.
            let part = other_name(path);
            link(&part)?;
            std::fs::rename(&part, path).inspect_err(|_| drop(std::fs::remove_file(&part)))
        }
        linked => linked,
    }
}

fn other_name(path: &Path) -> PathBuf {
    let mut part = path.to_owned().into_os_string();
    part.push(format!(".{}.part", std::process::id()));
    part.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(path: &Path, force: bool, has_name: bool) -> Output {
        let mut output = match has_name {
            false => Output::begin(Place::File(path.into()), force).expect("a file"),
            true => {
                let part = other_name(path);
                let file = Some(BufWriter::new(File::create_new(&part).expect("a file")));
                Output::File { file, part: Some(part), path: path.into(), force }
            }
        };
        output.file().write_all(b"ours").expect("room");
        output
    }

    #[test]
    fn a_file_that_came_meanwhile_is_kept_unless_it_may_be_replaced_and_nothing_else_is_left() {
        for has_name in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("page.html");
            let names = || -> Vec<_> {
                let files = std::fs::read_dir(folder.path()).expect("a folder").flatten();
                files.map(|file| file.file_name().into_string().expect("UTF-8")).collect()
            };
            drop(begun(&path, false, has_name));
            assert_eq!(names(), [] as [&str; 0]);
            begun(&path, false, has_name).finish("four bytes").expect("a file");
            assert_eq!((names(), std::fs::read(&path).expect("a file")), (vec!["page.html".into()], b"ours".into()));
            let late = begun(&path, false, has_name);
            std::fs::write(&path, "theirs").expect("a file");
            let error = late.finish("four bytes").expect_err("it is there").to_string();
            assert!(error.contains("page.html: exists already"), "{error}");
            assert_eq!((names(), std::fs::read(&path).expect("a file")), (vec!["page.html".into()], b"theirs".into()));
            begun(&path, true, has_name).finish("four bytes").expect("it is replaced");
            assert_eq!((names(), std::fs::read(&path).expect("a file")), (vec!["page.html".into()], b"ours".into()));
        }
    }

    #[test]
    fn pipes_and_devices_are_written_into_and_folders_are_named_as_such() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        // With a reader of its own, opening it does not wait.
        let mut reader = OpenOptions::new().read(true).write(true).open(&pipe).expect("a pipe");
        for force in [false, true] {
            for path in [&pipe, Path::new("/dev/null")] {
                let mut output =
                    Place::file(path.into(), force).and_then(|place| Output::begin(place, force)).expect("open");
                output.file().write_all(b"ours").expect("room");
                output.finish("four bytes").expect("written");
            }
            let mut read = [0; 4];
            io::Read::read_exact(&mut reader, &mut read).expect("what was written");
            assert_eq!(&read, b"ours");
            let error = Place::file(folder.path().into(), force).expect_err("a folder").to_string();
            assert!(error.contains("is a folder; name a file in it"), "{error}");
        }
        let is_kept = |path: &Path, is: fn(&std::fs::FileType) -> bool| is(&path.metadata().expect("it").file_type());
        assert!(is_kept(&pipe, FileTypeExt::is_fifo) && is_kept(Path::new("/dev/null"), FileTypeExt::is_char_device));
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "theirs").and_then(|()| std::os::unix::fs::symlink(&file, &link)).expect("a link");
        assert!(Place::file(link.clone(), false).is_err());
        let mut output = Place::file(link.clone(), true).and_then(|place| Output::begin(place, true)).expect("open");
        output.file().write_all(b"ours").expect("room");
        output.finish("four bytes").expect("written");
        assert!(link.is_symlink() && std::fs::read(&file).expect("a file") == b"ours");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        assert!(Place::file(socket, true).expect_err("a socket").to_string().contains("is no file, pipe"));
    }

    #[test]
    fn a_name_that_is_taken_at_the_last_moment_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.html");
        let Some(file) = unnamed(&path) else { return };
        std::fs::write(&path, "theirs").expect("a file");
        assert_eq!(name(&file, &path, false).expect_err("taken").kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("a file"), b"theirs");
    }
}
