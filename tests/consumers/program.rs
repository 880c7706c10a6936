//! Runs the programs, and what they receive records from.

use crate::support::agent::Home;
use crate::support::servers::Redis;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Python needs seconds to load pandas, and on a busy machine many.
pub const PATIENCE: Duration = Duration::from_secs(120);
pub const STREAM: &str = "seclyzer:stream:features";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the virtual environment's programs.
pub fn python() -> PathBuf {
    let folder = root().join("target/python/bin");
    assert!(folder.join("python").exists(), "{} is missing: run `make test-packages`", folder.display());
    folder
}

pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One of the programs, with what it prints in a file; killed when it goes out of scope.
pub struct Consumer {
    child: Child,
    printed: PathBuf,
}

impl Consumer {
    pub fn start(home: &Home, redis: &Redis, program: &str, arguments: &[&str]) -> Consumer {
        let mut command = Command::new(python().join("python"));
        command.arg(root().join("examples/consumers").join(program)).args(arguments).env("REDIS_URL", redis.url());
        Consumer::run(home, command)
    }

    pub fn run(home: &Home, mut command: Command) -> Consumer {
        let printed = tempfile::NamedTempFile::new_in(home.path()).expect("a file").keep().expect("a file").1;
        let file = || Stdio::from(File::options().append(true).open(&printed).expect("a file"));
        let child = command.current_dir(home.path()).stdin(Stdio::null()).stdout(file()).stderr(file()).spawn();
        Consumer { child: child.expect("Python"), printed }
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(&self.printed).expect("UTF-8")
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process of ours").is_none()
    }

    pub fn kill(mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }

    /// Waits for its end, which must be a good one; what it printed.
    pub async fn end(mut self) -> String {
        eventually("the program ends", async || !self.is_running()).await;
        let status = self.child.wait().expect("a process of ours");
        assert_eq!(status.code(), Some(0), "{}", self.printed());
        self.printed()
    }

    pub async fn end_by(self, signal: i32) -> String {
        // SAFETY: a signal to a process of ours that has not been waited for, so its number is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id().cast_signed(), signal) }, 0);
        self.end().await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer of a program that ends by itself.
pub fn run(home: &Home, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(python().join("python"));
    command.arg(root().join("examples/consumers").join(program)).args(arguments).current_dir(home.path());
    command.output().expect("Python")
}

pub fn answer(home: &Home, program: &str, arguments: &[&str]) -> String {
    let output = run(home, program, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub fn home_with(redis: &Redis) -> Home {
    Home::with_config(&format!(
        "[redis]\nenabled = true\nurl = \"{}\"\nstream = true\n[influx]\nenabled = false\n",
        redis.url()
    ))
}

pub fn home_without_servers() -> Home {
    Home::with_config("[redis]\nenabled = false\n[influx]\nenabled = false\n")
}

/// Records of this trace, in the database and, where that is configured, in Redis.
pub fn replay(home: &Home, trace: &Path, user: &str) {
    let mut command = home.command(&["replay", trace.to_str().expect("UTF-8"), "--speed", "max"]);
    let output = command.env("SECLYZER_IDENTITY_USER", user).output().expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

/// Waits until somebody has made the group, which makes the stream.
pub async fn has_joined(redis: &Redis) {
    eventually("a consumer has joined", async || redis.ask::<bool>(&format!("EXISTS {STREAM}")).await).await;
}

pub async fn has_subscribed(redis: &Redis) {
    let subscribed = async || redis.ask::<(String, usize)>("PUBSUB NUMSUB features").await.1 == 1;
    eventually("somebody has subscribed", subscribed).await;
}
