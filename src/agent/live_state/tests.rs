use super::*;
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use proptest::prelude::*;
use std::io::{IoSliceMut, Seek, SeekFrom, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const SIZE: usize = 64 << 10;
const ROOM: usize = SIZE / 2 - Header::BYTES;

/// A service manager's socket, and the agent's side of it.
struct Manager {
    socket: UnixDatagram,
    ours: ServiceManager,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn start() -> Manager {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        Manager { ours: ServiceManager::at(path.as_os_str()), socket, _folder: folder }
    }

    /// The next notification, with the file that came with it.
    fn hear(&self) -> (String, Option<File>) {
        let (mut text, mut space) = ([0; 256], cmsg_space!([RawFd; 4]));
        let mut parts = [IoSliceMut::new(&mut text)];
        let message = recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
            .expect("a notification in time");
        let length = message.bytes;
        let fds = message.cmsgs().expect("whole").flat_map(|part| match part {
            ControlMessageOwned::ScmRights(fds) => fds,
            other => panic!("{other:?}"),
        });
        // SAFETY: the kernel has just made them for this process.
        let mut files = fds.map(|fd| unsafe { File::from_raw_fd(fd) });
        let file = files.next();
        assert!(files.next().is_none(), "one at most");
        (String::from_utf8(text[..length].to_vec()).expect("a text"), file)
    }
}

fn fresh() -> LiveState {
    LiveState::over(sealed_file(SIZE).expect("a file"), SIZE).expect("locked")
}

/// As the next process has it.
fn inherited(state: &LiveState) -> LiveState {
    LiveState::inherited(state.file.try_clone().expect("a descriptor"), SIZE).expect("locked")
}

fn read(state: &LiveState) -> Option<Vec<u8>> {
    state.read().map(|snapshot| snapshot.to_vec())
}

#[test]
fn what_was_written_last_is_read_here_and_by_whoever_inherits_the_descriptor() {
    let mut state = fresh();
    assert_eq!(read(&state), None);
    for snapshot in [&b"first"[..], b"second", b"", &[7; ROOM]] {
        assert!(state.write(|file| file.put(snapshot)));
        assert_eq!(read(&state).as_deref(), Some(snapshot));
        let mut next = inherited(&state);
        assert_eq!(read(&next).as_deref(), Some(snapshot));
        assert!(next.write(|file| file.put(b"of the next process")));
        assert_eq!(read(&inherited(&next)).as_deref(), Some(&b"of the next process"[..]));
        // The first process has ended by then; here it goes on from what is there.
        state = next;
    }
}

#[test]
fn a_snapshot_that_does_not_fit_leaves_the_one_before_it() {
    let mut state = fresh();
    assert!(state.write(|file| file.put(b"fits")));
    assert!(!state.write(|file| file.put(&[1; ROOM + 1])));
    assert_eq!(read(&state).as_deref(), Some(&b"fits"[..]));
    assert!(state.write(|file| file.put(b"fits too")));
    assert_eq!(read(&inherited(&state)).as_deref(), Some(&b"fits too"[..]));
}

#[test]
fn what_is_cleared_is_nowhere_in_the_file() {
    let mut state = fresh();
    assert!(state.write(|file| file.put(b"a secret")) && state.write(|file| file.put(b"a secret again")));
    state.clear();
    assert_eq!((read(&state), read(&inherited(&state))), (None, None));
    let mut all = vec![1; SIZE];
    state.file.read_exact_at(&mut all, 0).expect("a file");
    assert!(all.iter().all(|&byte| byte == 0));
    assert!(state.write(|file| file.put(b"new")));
    assert_eq!(read(&inherited(&state)).as_deref(), Some(&b"new"[..]));
}

#[test]
fn the_file_can_neither_shrink_nor_grow_and_is_never_executed() {
    let file = &fresh().file;
    let is_refused = |length| file.set_len(length).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    assert!(is_refused(0) && is_refused(SIZE as u64 * 2));
    assert!(file.write_at(b"beyond", SIZE as u64).is_err());
    assert!(fcntl(file.as_raw_fd(), FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).is_err(), "it stays writable");
    assert_eq!(file.metadata().expect("a file").mode() & 0o111, 0, "on kernels from 6.3 on");
}

#[test]
fn what_is_written_is_in_locked_memory_and_what_is_unused_needs_none() {
    let mut state = fresh();
    let locked_kb = |state: &LiveState| -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("our own mappings");
        let (start, end) = (state.pages.start.as_ptr() as usize, state.pages.start.as_ptr() as usize + SIZE);
        let mut locked = 0;
        let mut is_inside = false;
        for line in maps.lines() {
            let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
            let range =
                range.and_then(|(a, b)| Some((usize::from_str_radix(a, 16).ok()?, usize::from_str_radix(b, 16).ok()?)));
            if let Some((from, to)) = range {
                is_inside = from >= start && to <= end;
            } else if let Some(kb) = line.strip_prefix("Locked:").filter(|_| is_inside) {
                locked += kb.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
            }
        }
        locked
    };
    assert_eq!(locked_kb(&state), 0);
    assert!(state.write(|file| file.put(&[1; 6000])));
    assert_eq!(locked_kb(&state), 8);
    assert!(state.write(|file| file.put(&[1; 6000])));
    assert_eq!(locked_kb(&state), 16);
    let next = inherited(&state);
    // Or each would count as half of it.
    drop(state);
    assert_eq!(locked_kb(&next), 16);
}

#[test]
fn the_service_manager_gets_the_descriptor_under_its_name() {
    let mut manager = Manager::start();
    let mut state = LiveState::inherited_or_new(&mut manager.ours, SIZE).expect("kept");
    assert_eq!(manager.hear().0, "FDSTOREREMOVE=1\nFDNAME=recognition");
    let (lines, file) = manager.hear();
    assert_eq!(lines, "FDSTORE=1\nFDNAME=recognition");
    assert!(state.write(|file| file.put(b"learnt")));
    let file = file.expect("a descriptor");
    assert!(is_ours(&file, SIZE));
    assert_eq!(read(&LiveState::inherited(file, SIZE).expect("locked")).as_deref(), Some(&b"learnt"[..]));
}

#[test]
fn without_a_service_manager_nothing_is_kept() {
    let mut nobody = ServiceManager::nobody();
    assert!(matches!(LiveState::inherited_or_new(&mut nobody, SIZE), Err(NotKept::NoManager)));
}

#[test]
fn a_descriptor_of_another_kind_size_or_without_the_seals_is_refused() {
    let unsealed = |seals: SealFlag| {
        let flags = MemFdCreateFlag::MFD_CLOEXEC | MemFdCreateFlag::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create(c"other", flags).expect("a file"));
        file.set_len(SIZE as u64).expect("a size");
        fcntl(file.as_raw_fd(), FcntlArg::F_ADD_SEALS(seals)).expect("sealed");
        file
    };
    assert!(is_ours(&sealed_file(SIZE).expect("a file"), SIZE));
    assert!(!is_ours(&sealed_file(SIZE).expect("a file"), SIZE * 2));
    assert!(!is_ours(&unsealed(SealFlag::empty()), SIZE));
    assert!(!is_ours(&unsealed(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL), SIZE));
    assert!(!is_ours(&unsealed(SEALS | SealFlag::F_SEAL_WRITE), SIZE), "it could not be written");
    let mut on_disk = tempfile::tempfile().expect("a file");
    on_disk.write_all(&[0; SIZE]).expect("written");
    on_disk.seek(SeekFrom::Start(0)).expect("a file");
    assert!(!is_ours(&on_disk, SIZE));
    let (socket, _other) = UnixDatagram::pair().expect("sockets");
    assert!(!is_ours(&File::from(OwnedFd::from(socket)), SIZE));
}

/// What a process that is killed after so many bytes of its write leaves.
fn write_torn(state: &LiveState, snapshot: &[u8], bytes: usize) {
    let start = state.start_of(state.next);
    let written = bytes.min(snapshot.len());
    state.file.write_all_at(&snapshot[..written], start + Header::BYTES as u64).expect("written");
    let header = Header::of(state.sequence + 1, snapshot).to_bytes();
    state.file.write_all_at(&header[..bytes - written], start).expect("written");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_write_that_is_cut_anywhere_leaves_the_snapshot_before_it(
        before in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..5),
        torn in proptest::collection::vec(any::<u8>(), 0..300),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut state = fresh();
        for snapshot in &before {
            prop_assert!(state.write(|file| file.put(snapshot)));
        }
        // One byte less than all of it, at most.
        let bytes = cut.index(torn.len() + Header::BYTES);
        write_torn(&state, &torn, bytes);
        let mut next = inherited(&state);
        // Where what is missing was there already, from the snapshot before, the write is whole.
        let read = next.read().map(|snapshot| snapshot.to_vec());
        prop_assert!(read.as_ref() == before.last() || read.as_ref() == Some(&torn), "{read:?}");
        prop_assert!(next.write(|file| file.put(b"goes on")));
        prop_assert_eq!(next.read().map(|snapshot| snapshot.to_vec()), Some(b"goes on".to_vec()));
    }

    #[test]
    fn a_file_with_anything_in_it_is_read_as_nothing_or_as_a_snapshot_and_can_be_written(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lengths in [any::<u32>(), any::<u32>()],
        sequences in [any::<u64>(), any::<u64>()],
    ) {
        let state = fresh();
        for slot in [0, 1] {
            let header = Header { sequence: sequences[slot], length: lengths[slot], checksum: 7 }.to_bytes();
            state.file.write_all_at(&header, state.start_of(slot as u64)).expect("written");
        }
        state.file.write_all_at(&bytes, Header::BYTES as u64).expect("written");
        let last = Header::of(u64::MAX, &[]).to_bytes();
        state.file.write_all_at(&last, state.start_of(1)).expect("written");
        let mut next = inherited(&state);
        prop_assert!(next.read().is_none());
        prop_assert!(next.write(|file| file.put(b"goes on")));
    }
}
