use super::Daemon;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::zvariant::DynamicType;
use zbus::{Connection, Message, ObjectServer, fdo, interface};

/// How a KWin takes scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It has them where KWin 6 does.
    Six,
    /// It has them where KWin 5 does.
    Five,
    /// It takes a script and does not run it.
    Idle,
    /// It says that it has the script already.
    Unwilling,
    /// It never answers.
    Hanging,
}

/// What was done with scripts.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// As they are called, the newest last.
    pub loaded: Vec<String>,
    pub unloaded: Vec<String>,
    /// The files they came from, with their modes at that time.
    pub files: Vec<(PathBuf, u32)>,
    /// Whom the last one calls.
    agent: Option<String>,
}

/// A KWin on a bus.
pub struct Kwin {
    connection: Connection,
    seen: Arc<Mutex<Seen>>,
    manner: Arc<Mutex<Manner>>,
}

struct Scripting {
    seen: Arc<Mutex<Seen>>,
    manner: Arc<Mutex<Manner>>,
}

/// Whom a script calls.
fn agent_in(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a script");
    let rest = text.split_once("const AGENT = \"").expect("whom it calls").1;
    rest.split_once('"').expect("the end of a name").0.to_owned()
}

#[interface(name = "org.kde.kwin.Scripting")]
impl Scripting {
    #[zbus(name = "loadScript")]
    async fn load_script(
        &self,
        path: PathBuf,
        name: String,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<i32> {
        let manner = *self.manner.lock().expect("no panic");
        let number = {
            let mut seen = self.seen.lock().expect("no panic");
            let mode = std::fs::metadata(&path).expect("a script").permissions().mode();
            seen.agent = Some(agent_in(&path));
            seen.files.push((path, mode & 0o777));
            seen.loaded.push(name);
            i32::try_from(seen.loaded.len()).expect("few scripts")
        };
        let place = match manner {
            Manner::Six | Manner::Idle => format!("/Scripting/Script{number}"),
            Manner::Five => format!("/{number}"),
            Manner::Unwilling => return Ok(-1),
            Manner::Hanging => std::future::pending().await,
        };
        let script = Script { seen: Arc::clone(&self.seen), is_idle: manner == Manner::Idle };
        server.at(place, script).await.expect("a place");
        Ok(number)
    }

    #[zbus(name = "unloadScript")]
    async fn unload_script(&self, name: String) -> bool {
        if *self.manner.lock().expect("no panic") == Manner::Hanging {
            std::future::pending::<()>().await;
        }
        self.seen.lock().expect("no panic").unloaded.push(name);
        true
    }
}

struct Script {
    seen: Arc<Mutex<Seen>>,
    is_idle: bool,
}

#[interface(name = "org.kde.kwin.Script")]
impl Script {
    /// As ours does at once, with no window open.
    #[zbus(name = "run")]
    async fn run(&self, #[zbus(connection)] connection: &Connection) {
        let agent = self.seen.lock().expect("no panic").agent.clone().expect("a script");
        if !self.is_idle {
            tell_without_answer(connection, &agent, "Unfocused", &()).await;
        }
    }
}

/// Calls as a script does, without waiting for an answer.
pub async fn tell_without_answer(
    connection: &Connection,
    agent: &str,
    member: &str,
    body: &(impl serde::Serialize + DynamicType),
) {
    let call = Message::method_call("/org/seclyzer/Focus", member).expect("a call");
    let call = call.destination(agent).and_then(|call| call.interface("org.seclyzer.Focus")).expect("a call");
    connection.send(&call.build(body).expect("a call")).await.expect("a bus");
}

impl Kwin {
    pub async fn start(daemon: &Daemon, manner: Manner) -> Kwin {
        let (seen, manner) = (Arc::default(), Arc::new(Mutex::new(manner)));
        let scripting = Scripting { seen: Arc::clone(&seen), manner: Arc::clone(&manner) };
        let builder = Builder::address(daemon.address().as_str())
            .and_then(|builder| builder.serve_at("/Scripting", scripting))
            .and_then(|builder| builder.name("org.kde.KWin"));
        let connection = builder.expect("a builder").build().await.expect("a bus");
        Kwin { connection, seen, manner }
    }

    /// It is on the bus no more.
    pub async fn end(self) {
        self.connection.close().await.expect("a bus");
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().expect("no panic").clone()
    }

    pub fn set_manner(&self, manner: Manner) {
        *self.manner.lock().expect("no panic") = manner;
    }

    /// Whom the script calls.
    pub fn agent(&self) -> String {
        self.seen().agent.expect("a script")
    }

    /// The window with these names has the focus now, as the script says it.
    pub async fn focus(&self, instance: &str, class: &str) {
        self.say("Focused", &(instance, class)).await;
    }

    pub async fn unfocus(&self) {
        self.say("Unfocused", &()).await;
    }

    pub async fn say(&self, member: &str, body: &(impl serde::Serialize + DynamicType)) {
        tell_without_answer(&self.connection, &self.agent(), member, body).await;
    }

    /// The same, of one who waits for the answer, which must say nothing.
    pub async fn ask(&self, member: &str, body: &(impl serde::Serialize + DynamicType)) {
        let agent = self.agent();
        let call = ("/org/seclyzer/Focus", Some("org.seclyzer.Focus"));
        let answer = self.connection.call_method(Some(agent.as_str()), call.0, call.1, member, body);
        let answer = timeout(Duration::from_secs(5), answer).await.expect("an answer in time").expect("no error");
        assert_eq!(answer.body().signature().to_string(), "");
    }
}
