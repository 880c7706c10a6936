//! What the tests bring into the guest: files in a cpio archive (the "newc" form of an initramfs).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the host and where the guest shall have it. An ELF program brings its shared libraries along.
pub struct Import {
    pub host: PathBuf,
    pub guest: PathBuf,
}

impl Import {
    pub fn new(host: impl Into<PathBuf>, guest: impl Into<PathBuf>) -> Self {
        Import { host: host.into(), guest: guest.into() }
    }
}

/// Packs the files, the libraries they need and the folders that they lie in.
pub fn pack(imports: &[Import]) -> Vec<u8> {
    pack_with(imports, libraries)
}

/// Packs the files and the folders that they lie in, for a guest that has the libraries.
pub fn pack_files(imports: &[Import]) -> Vec<u8> {
    pack_with(imports, |_| Vec::new())
}

fn pack_with(imports: &[Import], libraries: fn(&Path) -> Vec<PathBuf>) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut packed = BTreeSet::new();
    for Import { host, guest } in imports {
        let content = fs::read(host).unwrap_or_else(|error| panic!("{}: {error}", host.display()));
        if content.starts_with(b"\x7fELF") {
            for library in libraries(host) {
                let content = fs::read(&library).expect("ldd names files");
                pack_file(&mut archive, &mut packed, &library, &content);
            }
        }
        pack_file(&mut archive, &mut packed, guest, &content);
    }
    entry(&mut archive, "TRAILER!!!", 0, &[]);
    archive
}

fn pack_file(archive: &mut Vec<u8>, packed: &mut BTreeSet<PathBuf>, path: &Path, content: &[u8]) {
    const FOLDER: u32 = 0o040_755;
    const PROGRAM: u32 = 0o100_755;
    let path = path.strip_prefix("/").expect("paths in the guest are absolute");
    let mut folders: Vec<&Path> = path.ancestors().skip(1).filter(|folder| folder.parent().is_some()).collect();
    folders.reverse();
    for folder in folders {
        if packed.insert(folder.to_owned()) {
            entry(archive, &folder.to_string_lossy(), FOLDER, &[]);
        }
    }
    if packed.insert(path.to_owned()) {
        entry(archive, &path.to_string_lossy(), PROGRAM, content);
    }
}

fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    let size = u32::try_from(content.len()).expect("a file below 4 GiB");
    let name_size = u32::try_from(name.len() + 1).expect("a short name");
    // Inode, mode, owner, group, links, time, size, four device numbers, the name's length, a checksum not in use.
    let fields = [0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
    archive.extend_from_slice(b"070701");
    archive.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(content);
    pad(archive);
}

/// Names and contents end at multiples of four.
fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

/// The shared libraries of a program, its loader included; none if it is static.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd runs");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect()
}
