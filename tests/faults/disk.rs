//! The disk is full, the database is damaged, locked or removed.

use super::Row;
use super::scene::{Names, expected, in_database, replay, write_traces};
use crate::support::agent::{Agent, Home, uncramp};
use crate::support::eventually;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const NO_SINKS: &str = "[redis]\nenabled = false\n";
const PAGE: usize = 4096;

async fn code_and_log(agent: Agent) -> (Option<i32>, Vec<String>) {
    tokio::task::spawn_blocking(|| agent.wait_with_log()).await.expect("no panic")
}

/// Flips a byte in each of the database's pages in turn, on every `stride`th page, and replays another trace to it.
pub async fn flipped_byte(stride: usize) -> Row {
    let home = Home::with_config(NO_SINKS);
    let (first, second) = (write_traces(home.path(), 0..1), write_traces(home.path(), 1..2));
    assert_eq!(code_and_log(replay(&home, &first, &[])).await.0, Some(0));
    let (before, more) = (in_database(&home.database()), expected(&second));
    let sound = std::fs::read(home.database()).expect("a database");
    let mut row = Row::new("a byte flipped in each page in turn");
    for page in (0..sound.len() / PAGE).step_by(stride) {
        // The first byte of a page says what it is; behind the file's header that is the 101st.
        let anywhere = (page * 2_654_435_761) % PAGE;
        for at in [if page == 0 { 100 } else { 0 }, anywhere] {
            let mut bytes = sound.clone();
            bytes[page * PAGE + at] ^= 0xff;
            empty(home.database().parent().expect("a folder"));
            write_private(&home.database(), &bytes);
            let (code, log) = code_and_log(replay(&home, &second, &[])).await;
            judge(&home, (&before, &more), &bytes, (code, &log), &mut row);
        }
    }
    row
}

/// Either the damage hurts nobody, or the file was set aside as it was, or it was refused and left as it was.
fn judge(
    home: &Home,
    (before, more): (&Names, &Names),
    damaged: &[u8],
    (code, log): (Option<i32>, &[String]),
    row: &mut Row,
) {
    if code != Some(0) {
        let says_why = log.iter().any(|line| line.starts_with("seclyzer: "));
        assert!(says_why && std::fs::read(home.database()).expect("the database") == damaged, "{code:?} {log:?}");
        return row.add(0, 0, 0);
    }
    let stored = in_database_or_damaged(&home.database());
    let found = more.intersection(&stored).count();
    match aside(&home.database()) {
        Some(aside) => {
            assert_eq!(std::fs::read(aside).expect("the old file"), damaged, "overwritten");
            assert!(log.iter().any(|line| line.contains("the database is damaged")), "{log:?}");
            row.add(more.len(), found, 0);
        }
        // What was there before is there still.
        None => row.add(before.len() + more.len(), found + before.intersection(&stored).count(), 0),
    }
}

/// As [`in_database`]; a byte that no program looks at may still be wrong, so the whole need not be sound.
fn in_database_or_damaged(path: &Path) -> Names {
    let connection = rusqlite::Connection::open(path).expect("a database");
    let mut names = Names::new();
    for kind in seclyzer::record::Kind::ALL {
        let mut all =
            connection.prepare(&format!("SELECT window_end FROM {} NOT INDEXED", kind.table())).expect("a table");
        let rows = all.query_map([], |row| row.get(0)).expect("rows");
        names.extend(rows.map(|end| (kind.name().to_owned(), end.expect("a time"))));
    }
    names
}

fn aside(database: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(database.parent().expect("a folder")).expect("its entries");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.find(|path| {
        let name = path.to_string_lossy();
        name.contains(".corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    })
}

fn empty(folder: &Path) {
    std::fs::remove_dir_all(folder).expect("a folder of ours");
    std::fs::create_dir(folder).expect("a folder");
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, bytes).expect("a file");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("our own file");
}

/// No file may grow beyond a size that the database soon has; then that limit is lifted.
pub async fn full() -> Row {
    const LIMIT_BYTES: u64 = 200 * 1024;
    let home = Home::with_config(NO_SINKS);
    let traces = write_traces(home.path(), 0..20);
    let all = expected(&traces);
    let paths: Vec<&str> = traces.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let arguments = [&["replay", "--recognise", "--speed", "max"], &paths[..]].concat();
    let agent = Agent::start(home.cramped_command(&arguments, LIMIT_BYTES));
    agent.wait_for_log("the database takes no records");
    uncramp(agent.id());
    let (code, log) = code_and_log(agent).await;
    assert_eq!(code, Some(0), "{log:?}");
    let mut row = Row::new("no file may grow, then they may");
    row.add(all.len(), all.intersection(&in_database(&home.database())).count(), 0);
    row
}

/// A file system of 16 MiB, gone when this goes out of scope.
struct SmallDisk<'a>(&'a Path);

impl SmallDisk<'_> {
    /// `None` where one may not mount.
    fn mount(place: &Path) -> Option<SmallDisk<'_>> {
        std::fs::create_dir_all(place).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"]).arg(place).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(SmallDisk(place))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // What is left mounted shows in the test's folder, which cannot be removed then.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// The database's file system is filled by another program, which then makes room; `None` where one may not mount.
pub async fn full_file_system() -> Option<Row> {
    let home = Home::with_config(NO_SINKS);
    let folder = home.database().parent().expect("a folder").to_owned();
    let disk = SmallDisk::mount(&folder)?;
    let filler = folder.join("filler");
    std::fs::write(&filler, vec![0; 15_900 * 1024]).expect("room for it");
    let traces = write_traces(home.path(), 0..20);
    let all = expected(&traces);
    let agent = replay(&home, &traces, &[]);
    agent.wait_for_log("the database takes no records");
    std::fs::remove_file(filler).expect("our own file");
    let (code, log) = code_and_log(agent).await;
    assert_eq!(code, Some(0), "{log:?}");
    let mut row = Row::new("file system full, then not");
    row.add(all.len(), all.intersection(&in_database(&home.database())).count(), 0);
    drop(disk);
    Some(row)
}

/// Another program holds the database's lock for so long.
pub async fn locked(time: Duration) -> Row {
    let home = Home::with_config(NO_SINKS);
    let traces = write_traces(home.path(), 0..3);
    assert_eq!(code_and_log(replay(&home, &traces[..1], &[])).await.0, Some(0));
    let other = rusqlite::Connection::open(home.database()).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let agent = replay(&home, &traces, &[]);
    tokio::time::sleep(time).await;
    other.execute_batch("ROLLBACK").expect("the lock's end");
    drop(other);
    let (code, log) = code_and_log(agent).await;
    assert_eq!(code, Some(0), "{log:?}");
    let all = expected(&traces);
    let mut row = Row::new(format!("locked by another program for {} s", time.as_secs()));
    row.add(all.len(), all.intersection(&in_database(&home.database())).count(), 0);
    row
}

/// The database's files are removed while records come in: those before it are gone with it, no other is.
pub async fn removed() -> Row {
    let home = Home::with_config(NO_SINKS);
    let traces = write_traces(home.path(), 0..1);
    let all = expected(&traces);
    let trace = traces[0].to_str().expect("UTF-8");
    let agent = Agent::start(home.command(&["replay", "--recognise", "--speed", "30", trace]));
    let has = |count| home.database().exists() && in_database(&home.database()).len() >= count;
    eventually("some records", async || has(all.len() / 2).then_some(())).await;
    let before = in_database(&home.database());
    for suffix in ["db", "db-wal", "db-shm"] {
        std::fs::remove_file(home.database().with_extension(suffix)).expect("a file of ours");
    }
    let (code, log) = code_and_log(agent).await;
    assert_eq!(code, Some(0), "{log:?}");
    assert!(log.iter().any(|line| line.contains("the database was removed")), "{log:?}");
    let later: Names = all.difference(&before).cloned().collect();
    let mut row = Row::new("database's file removed under the agent");
    // A record may have come between the look and the removal.
    row.add(later.len(), later.intersection(&in_database(&home.database())).count(), 0);
    row
}
