use super::*;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to notice what is told wrongly.
const MOMENT: Duration = Duration::from_millis(100);

/// A folder with programs of these names, each of which waits until its input ends.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    names.iter().for_each(|name| install(&folder, name));
    folder
}

fn install(folder: &TempDir, name: &str) {
    fs::copy("/bin/cat", folder.path().join("new")).expect("a program");
    fs::rename(folder.path().join("new"), folder.path().join(name)).expect("its name");
}

fn run(folder: &TempDir, name: &str) -> Child {
    let mut command = Command::new(folder.path().join(name));
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    loop {
        match command.spawn() {
            // A child that another test has just forked has the copy still open for writing.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            program => return program.expect("the program starts"),
        }
    }
}

fn end(mut program: Child) {
    drop(program.stdin.take());
    program.wait().expect("a child of ours");
}

async fn told(askers: &mut Askers) -> bool {
    timeout(PATIENCE, askers.changed()).await.expect("told in time")
}

async fn is_quiet(askers: &mut Askers) -> bool {
    timeout(MOMENT, askers.changed()).await.is_err()
}

#[tokio::test]
async fn a_pinentry_or_an_askpass_asks_for_as_long_as_it_runs() {
    for name in ["pinentry-curses", "ksshaskpass"] {
        let folder = folder(&[name]);
        let mut askers = Askers::start_in(vec![folder.path().to_owned()]);
        let program = run(&folder, name);
        assert!(told(&mut askers).await);
        assert!(is_quiet(&mut askers).await, "it still runs");
        end(program);
        assert!(!told(&mut askers).await);
    }
}

#[tokio::test]
async fn those_who_read_its_file_meanwhile_do_not_end_it() {
    let folder = folder(&["pinentry"]);
    let mut askers = Askers::start_in(vec![folder.path().to_owned()]);
    // Nobody takes the notices meanwhile.
    let program = run(&folder, "pinentry");
    let readers = [(); 2].map(|()| {
        let mut file = fs::File::open(folder.path().join("pinentry")).expect("its file");
        file.read_exact(&mut [0]).expect("a byte");
        file
    });
    assert!(told(&mut askers).await);
    for reader in readers {
        drop(reader);
        assert!(is_quiet(&mut askers).await, "it still runs");
    }
    end(program);
    assert!(!told(&mut askers).await);
}

#[tokio::test]
async fn it_is_known_by_the_link_that_leads_to_it() {
    let (real, links) = (folder(&["program"]), folder(&[]));
    std::os::unix::fs::symlink(real.path().join("program"), links.path().join("pinentry")).expect("a link");
    let mut askers = Askers::start_in(vec![links.path().to_owned()]);
    let program = run(&real, "program");
    assert!(told(&mut askers).await);
    end(program);
    assert!(!told(&mut askers).await);
}

#[tokio::test]
async fn one_that_is_installed_or_replaced_later_is_known_too() {
    let folder = folder(&[]);
    let mut askers = Askers::start_in(vec![folder.path().to_owned()]);
    for _ in 0..2 {
        install(&folder, "pinentry");
        assert!(is_quiet(&mut askers).await);
        let program = run(&folder, "pinentry");
        assert!(told(&mut askers).await);
        end(program);
        assert!(!told(&mut askers).await);
    }
}

#[tokio::test]
async fn other_programs_of_the_folder_wake_nobody() {
    let folder = folder(&["pinentry", "other"]);
    let mut askers = Askers::start_in(vec![folder.path().to_owned()]);
    end(run(&folder, "other"));
    assert!(is_quiet(&mut askers).await);
}

#[tokio::test]
async fn one_whose_end_was_missed_is_not_believed_for_ever_nor_are_lost_notices() {
    for mask in [libc::IN_OPEN, libc::IN_Q_OVERFLOW] {
        let mut askers = Askers::start_in(Vec::new());
        askers.longest = MOMENT;
        askers.running.take(1, mask);
        assert!(told(&mut askers).await);
        assert!(!told(&mut askers).await);
    }
}
