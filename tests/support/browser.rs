//! Debian's headless Chromium, driven over its debugging pipe: messages are JSON, each ended by a zero byte
//! (`--remote-debugging-pipe`), and what they mean is Chromium's DevTools protocol.

use super::LIMIT;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Opens the pipes as the descriptors 3 and 4 that Chromium expects them at. As root it runs only without its sandbox; it
/// is shown nothing but a page of ours.
const START: &str = "exec chromium-headless-shell --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
    --disable-dev-shm-usage --disable-component-update --user-data-dir=profile --remote-debugging-pipe 3<to 4>from";

/// A browser with one page, killed when it goes out of scope.
pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    session: Value,
    asked: u64,
    /// What it reported by itself, in order.
    events: Vec<Value>,
    folder: TempDir,
}

impl Browser {
    /// Opens a file, and returns when all of it is loaded.
    pub fn open(path: &Path, width: u32, height: u32) -> Browser {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["to", "from"] {
            mkfifo(&folder.path().join(name), Mode::S_IRWXU).expect("a pipe");
        }
        let log = File::create(folder.path().join("log")).expect("a log");
        let child = Command::new("sh")
            .args(["-c", START])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log again"))
            .stderr(log)
            .spawn()
            .expect("a shell");
        let to = File::options().write(true).open(folder.path().join("to")).expect("a pipe");
        let from = BufReader::new(File::open(folder.path().join("from")).expect("a pipe"));
        let (session, events) = (Value::Null, Vec::new());
        let mut browser = Browser { child, to, from, session, asked: 0, events, folder };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.ask("Target.attachToTarget", attached)["sessionId"].clone();
        for domain in ["Log", "Runtime", "Network", "Page"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser.resize(width, height);
        browser.ask("Page.navigate", json!({ "url": format!("file://{}", path.display()) }));
        while browser.reported("Page.loadEventFired").is_empty() {
            let message = browser.read();
            browser.events.push(message);
        }
        browser
    }

    /// The next message. Fails the test if the browser has ended.
    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).expect("the browser's pipe");
        if message.pop() != Some(0) {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("chromium-headless-shell has ended; is it installed? `make test-packages`\n{log}");
        }
        serde_json::from_slice(&message).expect("JSON")
    }

    /// Has the browser do something, and waits for what came of it.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        write!(self.to, "{message}\0").expect("the browser listens");
        loop {
            let mut answer = self.read();
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// What was reported under this name since the page was opened.
    pub fn reported(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| &event["params"]).collect()
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let mut answer = self.ask("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub fn wait_until(&mut self, what: &str, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            assert!(begun.elapsed() < LIMIT, "not in time: {what}");
            sleep(Duration::from_millis(10));
        }
    }

    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// The page for a reader who prefers `light` or `dark`, on `screen` or in `print`.
    pub fn prefer(&mut self, scheme: &str, medium: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features }));
    }

    /// Presses and releases a key: its name, and the text that it types.
    pub fn press(&mut self, key: &str, code: u32, text: &str) {
        let mut event =
            json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.ask("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.ask("Input.dispatchKeyEvent", event);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it: their pipes are closed.
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }
}
