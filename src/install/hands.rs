//! The hands that change files and run commands: their own, or those of root by way of sudo.

use super::Command;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{self, Stdio};

/// Runs a command of these words with this on its standard input.
pub type Run<'a> = dyn FnMut(&[String], &[u8]) -> io::Result<()> + 'a;

/// Changes files where it may and asks sudo where it may not.
pub struct Hands<'a> {
    pub is_root: bool,
    pub run: &'a mut Run<'a>,
}

impl Hands<'_> {
    pub fn run(&mut self, command: &Command) -> io::Result<()> {
        if command.as_root && !self.is_root {
            let words = [&["sudo".to_owned()], &command.words[..]].concat();
            return (self.run)(&words, &[]);
        }
        (self.run)(&command.words, &[])
    }

    /// Makes a file that is not there.
    pub fn write(&mut self, path: &Path, contents: &[u8], mode: u32, as_root: bool) -> io::Result<()> {
        if as_root && !self.is_root {
            return self.sudo(&["install", "-m", &format!("{mode:04o}"), "/dev/stdin", text(path)?], contents);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(contents)?;
        // Whatever the umask says.
        file.set_permissions(Permissions::from_mode(mode))
    }

    pub fn link(&mut self, path: &Path, target: &Path, as_root: bool) -> io::Result<()> {
        if as_root && !self.is_root {
            return self.sudo(&["ln", "-s", text(target)?, text(path)?], &[]);
        }
        symlink(target, path)
    }

    pub fn rename(&mut self, from: &Path, to: &Path, as_root: bool) -> io::Result<()> {
        if as_root && !self.is_root {
            return self.sudo(&["mv", "-T", text(from)?, text(to)?], &[]);
        }
        fs::rename(from, to)
    }

    /// Removes a file; one that is not there is as good as removed, and no password is asked for it.
    pub fn remove(&mut self, path: &Path, as_root: bool) -> io::Result<()> {
        if is_gone(path) {
            return Ok(());
        }
        if as_root && !self.is_root {
            return self.sudo(&["rm", "-f", text(path)?], &[]);
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Makes a folder. Root's are for all accounts to look into, whatever the umask says.
    pub fn make_folder(&mut self, path: &Path, as_root: bool) -> io::Result<()> {
        if as_root && !self.is_root {
            return self.sudo(&["mkdir", "-m", "0755", text(path)?], &[]);
        }
        fs::create_dir(path)?;
        if as_root { fs::set_permissions(path, Permissions::from_mode(0o755)) } else { Ok(()) }
    }

    /// Gives a folder that root has made to an account alone.
    pub fn give(&mut self, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        chown(path, Some(uid), Some(gid))
    }

    /// Removes a folder, unless something is in it.
    pub fn remove_folder(&mut self, path: &Path, as_root: bool) -> io::Result<()> {
        if is_gone(path) || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Ok(());
        }
        if as_root && !self.is_root {
            return self.sudo(&["rmdir", "--ignore-fail-on-non-empty", text(path)?], &[]);
        }
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn sudo(&mut self, words: &[&str], input: &[u8]) -> io::Result<()> {
        let words: Vec<String> = ["sudo"].iter().chain(words).map(|&word| word.to_owned()).collect();
        (self.run)(&words, input)
    }
}

fn is_gone(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path that is not UTF-8"))
}

/// Runs a command of this machine; the error is what it says, or how it ended.
pub fn run(words: &[String], input: &[u8]) -> io::Result<()> {
    let mut child = process::Command::new(&words[0])
        .args(&words[1..])
        .stdin(if input.is_empty() { Stdio::inherit() } else { Stdio::piped() })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", words[0])))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.lines().next().map_or_else(|| output.status.to_string(), str::to_owned)))
}
