//! Real servers, each on a free port of loopback and in a folder of its own, killed when it goes out of scope.

use super::eventually;
use redis::AsyncConnectionConfig;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How long a server of ours may take to answer the test.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A program that is run, killed and run again with the same arguments.
struct Program {
    name: &'static str,
    arguments: Vec<OsString>,
    folder: TempDir,
    child: Option<Child>,
}

impl Program {
    fn new(name: &'static str) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Program { name, arguments: Vec::new(), folder, child: None }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&mut self) {
        let log = std::fs::File::create(self.path().join("log")).expect("a log");
        let child = Command::new(self.name)
            .args(&self.arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log again"))
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{}: {error}; is it installed?", self.name)));
    }

    /// At once and without warning, as when the power fails.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process of ours");
            child.wait().expect("a process of ours");
        }
    }

    /// After it has put its affairs in order.
    fn terminate(&mut self) {
        if let Some(child) = &mut self.child {
            // SAFETY: a signal to a process of ours that has not been waited for, so its number is still its own.
            assert_eq!(unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) }, 0);
            child.wait().expect("a process of ours");
            self.child = None;
        }
    }

    /// Fails the test if it has ended by itself, with what it said.
    fn must_run(&mut self) {
        let ended = self.child.as_mut().expect("it was run").try_wait().expect("a process of ours");
        if let Some(status) = ended {
            let log = std::fs::read_to_string(self.path().join("log")).unwrap_or_default();
            panic!("{} ended with {status}:\n{log}", self.name);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian's redis-server.
pub struct Redis {
    program: Program,
    port: u16,
}

impl Redis {
    /// With data in memory only, unless the arguments say otherwise.
    pub async fn start(arguments: &[&str]) -> Redis {
        let mut redis = Redis::prepare(arguments);
        redis.restart().await;
        redis
    }

    /// One that does not run yet.
    pub fn prepare(arguments: &[&str]) -> Redis {
        let mut program = Program::new("redis-server");
        let port = free_port();
        let port_text = port.to_string();
        let socket = program.path().join("socket").into_os_string();
        program.arguments = ["--bind", "127.0.0.1", "--port", &port_text, "--save", ""].map(OsString::from).into();
        program.arguments.extend(["--unixsocket".into(), socket]);
        program.arguments.extend(arguments.iter().map(OsString::from));
        Redis { program, port }
    }

    /// One that speaks TLS beside, with this certificate and key; its URL.
    pub async fn start_with_tls(certificate: &Path, key: &Path) -> (Redis, String) {
        let port = free_port().to_string();
        let [certificate, key] = [certificate, key].map(|path| path.to_str().expect("UTF-8"));
        let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"];
        let redis = Redis::start(&[&["--tls-port", &port], &files[..]].concat()).await;
        (redis, format!("rediss://127.0.0.1:{port}"))
    }

    /// The same, as Redis does by itself: it lets in whom this authority vouches for.
    pub async fn start_with_mutual_tls(certificate: &Path, key: &Path, authority: &Path) -> (Redis, String) {
        let port = free_port().to_string();
        let [certificate, key, authority] = [certificate, key, authority].map(|path| path.to_str().expect("UTF-8"));
        let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority];
        let asks = ["--tls-port", &port, "--tls-auth-clients", "yes"];
        let redis = Redis::start(&[&asks, &files[..]].concat()).await;
        (redis, format!("rediss://127.0.0.1:{port}"))
    }

    /// A cluster: so many nodes, which share the slots in order of their numbers.
    pub async fn start_cluster(nodes: usize) -> Vec<Redis> {
        const SLOTS: usize = 16_384;
        let mut cluster = Vec::new();
        for number in 0..nodes {
            let bus = free_port().to_string();
            let node = Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
            let (first, end) = (number * SLOTS / nodes, (number + 1) * SLOTS / nodes);
            node.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1)).await;
            node.tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1)).await;
            if let Some((port, bus)) = cluster.first().map(|(first, bus): &(Redis, String)| (first.port, bus)) {
                node.tell(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}")).await;
            }
            cluster.push((node, bus));
        }
        let cluster: Vec<Redis> = cluster.into_iter().map(|(node, _)| node).collect();
        for node in &cluster {
            eventually("the cluster is whole", async || {
                let info: String = node.ask("CLUSTER INFO").await;
                info.contains("cluster_state:ok").then_some(())
            })
            .await;
        }
        cluster
    }

    /// Has it find out that it cannot write to its disk.
    pub async fn fail_saving(&self) {
        // A file cannot take the place of a folder.
        std::fs::create_dir(self.program.path().join("dump.rdb")).expect("a folder");
        self.tell("BGSAVE").await;
        eventually("saving fails", async || {
            let info: String = self.ask("INFO persistence").await;
            info.contains("rdb_last_bgsave_status:err").then_some(())
        })
        .await;
    }

    /// Sends a command whose words are separated by spaces.
    pub async fn tell(&self, command: &str) {
        let _: redis::Value = self.ask(command).await;
    }

    /// The same, and what it answers.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().expect("a command"));
        words.for_each(|word| _ = asked.arg(word));
        asked.query_async(&mut self.connect("").await).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.program.path().join("socket").display())
    }

    pub fn stop(&mut self) {
        self.program.kill();
    }

    pub async fn restart(&mut self) {
        self.program.kill();
        self.program.run();
        eventually("redis-server answers", async || {
            self.program.must_run();
            self.answers().await
        })
        .await;
    }

    /// The socket is made after the port, but before the data are loaded. Where an account is asked for, that is an answer.
    async fn answers(&self) -> Option<()> {
        let mut stream = UnixStream::connect(self.program.path().join("socket")).await.ok()?;
        stream.write_all(b"PING\r\n").await.ok()?;
        let mut answer = [0; b"+PONG\r\n".len()];
        stream.read_exact(&mut answer).await.ok()?;
        (answer != *b"-LOADIN").then_some(())
    }

    /// A connection of the test's own; `login` is `user:password@`, or empty.
    pub async fn connect(&self, login: &str) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(format!("redis://{login}127.0.0.1:{}", self.port)).expect("a good URL");
        // A busy machine may need more than the client's own half a second.
        let limits =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        client.get_multiplexed_async_connection_with_config(&limits).await.expect("a server that runs")
    }

    /// A connection that subscribes to nothing yet.
    pub async fn connect_pubsub(&self) -> redis::aio::PubSub {
        let client = redis::Client::open(self.url()).expect("a good URL");
        client.get_async_pubsub().await.expect("a server that runs")
    }

    /// Listens on channels from now on.
    pub async fn subscribe(&self, channels: &[&str]) -> redis::aio::PubSub {
        let mut subscription = self.connect_pubsub().await;
        subscription.subscribe(channels).await.expect("a subscription");
        subscription
    }

    /// All that the stream of features holds: the field `record` of each entry.
    pub async fn stream(&self) -> Vec<String> {
        self.stream_after("-").await.0
    }

    /// The same of the entries behind the one with this id (`-`: of all), and the id of the last.
    pub async fn stream_after(&self, id: &str) -> (Vec<String>, String) {
        self.entries("seclyzer:stream:features", id).await
    }

    /// All that the stream of decisions holds.
    pub async fn decisions(&self) -> Vec<String> {
        self.entries("seclyzer:stream:decisions", "-").await.0
    }

    /// The field `record` of a stream's entries behind the one with this id, and the id of the last.
    pub async fn entries(&self, stream: &str, id: &str) -> (Vec<String>, String) {
        const AT_ONCE: usize = 500;
        let mut connection = self.connect("").await;
        let (mut all, mut last) = (Vec::new(), id.to_owned());
        loop {
            let from = if last == "-" { last.clone() } else { format!("({last}") };
            let mut command = redis::cmd("XRANGE");
            command.arg(stream).arg(from).arg("+").arg("COUNT").arg(AT_ONCE);
            let entries: Vec<(String, Vec<(String, String)>)> =
                command.query_async(&mut connection).await.expect("a stream or nothing");
            let count = entries.len();
            for (id, fields) in entries {
                last = id;
                match <[_; 1]>::try_from(fields).expect("one field") {
                    [(name, record)] if name == "record" => all.push(record),
                    [(name, _)] => panic!("a field {name}"),
                }
            }
            if count < AT_ONCE {
                return (all, last);
            }
        }
    }
}

/// An HTTP client for the tests' own questions.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

/// InfluxDB 1.6.7 with the empty database `seclyzer`; its parser answers 400 to a bad line.
pub struct Influx1 {
    program: Program,
    port: u16,
    /// Of the administrator; with a password nobody gets in without.
    password: Option<&'static str>,
}

impl Influx1 {
    pub const USER: &str = "admin";

    pub async fn start(password: Option<&'static str>) -> Influx1 {
        let mut influx = Influx1::prepare(password, "");
        influx.restart().await;
        if let Some(password) = password {
            let user = Influx1::USER;
            influx.query(&format!("CREATE USER {user} WITH PASSWORD '{password}' WITH ALL PRIVILEGES")).await;
        }
        influx.query("CREATE DATABASE seclyzer").await;
        influx
    }

    /// One that speaks HTTPS only, with this certificate and key; its URL. It has no database.
    pub async fn start_with_tls(certificate: &Path, key: &Path) -> (Influx1, String) {
        let (certificate, key) = (certificate.display(), key.display());
        let files =
            format!("https-enabled = true\nhttps-certificate = \"{certificate}\"\nhttps-private-key = \"{key}\"");
        let mut influx = Influx1::prepare(None, &files);
        influx.restart().await;
        let url = format!("https://127.0.0.1:{}", influx.port);
        (influx, url)
    }

    fn prepare(password: Option<&'static str>, http_settings: &str) -> Influx1 {
        let mut program = Program::new("influxd");
        let (port, rpc_port) = (free_port(), free_port());
        let folder = program.path().display();
        let is_guarded = password.is_some();
        let config = format!(
            r#"
            reporting-disabled = true
            bind-address = "127.0.0.1:{rpc_port}"
            [meta]
            dir = "{folder}/meta"
            [data]
            dir = "{folder}/data"
            wal-dir = "{folder}/wal"
            [monitor]
            store-enabled = false
            [http]
            bind-address = "127.0.0.1:{port}"
            auth-enabled = {is_guarded}
            {http_settings}
            "#
        );
        let config_path: PathBuf = program.path().join("influxdb.conf");
        std::fs::write(&config_path, config).expect("a configuration");
        program.arguments = vec!["run".into(), "-config".into(), config_path.into()];
        Influx1 { program, port, password }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn stop(&mut self) {
        self.program.kill();
    }

    pub async fn restart(&mut self) {
        self.program.kill();
        self.program.run();
        let address = ("127.0.0.1", self.port);
        eventually("InfluxDB listens", async || {
            self.program.must_run();
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
    }

    /// Writes a line of the test's own.
    pub async fn write(&self, line: &str) {
        let request = http().post(format!("{}/write?db=seclyzer", self.url())).body(line.to_owned());
        let status = request.send().await.expect("an answer").status();
        assert_eq!(status, reqwest::StatusCode::NO_CONTENT, "{line}");
    }

    /// What it answers to a query.
    pub async fn query(&self, query: &str) -> serde_json::Value {
        let request = http().post(format!("{}/query", self.url())).basic_auth(Influx1::USER, self.password).query(&[
            ("db", "seclyzer"),
            ("epoch", "ns"),
            ("q", query),
        ]);
        let text = request.send().await.expect("an answer").text().await.expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Points in a measurement, by a field that each of them has.
    pub async fn count(&self, measurement: &str) -> u64 {
        let answer = self.query(&format!("SELECT count(degraded) FROM {measurement}")).await;
        answer["results"][0]["series"][0]["values"][0][1].as_u64().unwrap_or(0)
    }

    /// Points in all measurements.
    pub async fn count_all(&self) -> u64 {
        let mut sum = 0;
        for kind in seclyzer::record::Kind::ALL {
            sum += self.count(kind.table()).await;
        }
        sum
    }
}

/// VictoriaMetrics, which speaks the write API of InfluxDB 2. It answers 204 even to garbage.
pub struct VictoriaMetrics {
    program: Program,
    port: u16,
}

impl VictoriaMetrics {
    pub async fn start() -> VictoriaMetrics {
        let mut program = Program::new("victoria-metrics");
        let port = free_port();
        let arguments = [
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-storageDataPath=data".into(),
            "-retentionPeriod=100y".into(),
            // A point that is written twice is one point.
            "-dedup.minScrapeInterval=1ms".into(),
            "-memory.allowedBytes=64MB".into(),
        ];
        program.arguments = arguments.map(OsString::from).into();
        let mut server = VictoriaMetrics { program, port };
        server.restart().await;
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Not by killing it: it answers before a point is on disk, and what it loses then no client can know.
    pub fn stop(&mut self) {
        self.program.terminate();
    }

    pub async fn restart(&mut self) {
        self.program.kill();
        self.program.run();
        let health = format!("{}/health", self.url());
        eventually("VictoriaMetrics listens", async || {
            self.program.must_run();
            http().get(&health).send().await.ok()
        })
        .await;
    }

    async fn get(&self, path: &str) -> String {
        let response = http().get(format!("{}{path}", self.url())).send().await.expect("an answer");
        response.text().await.expect("text")
    }

    /// Times (ms) and values of every series whose name begins like this.
    pub async fn export(&self, prefix: &str) -> Vec<(Vec<i64>, Vec<f64>)> {
        self.get("/internal/force_flush").await;
        let selector = format!("{{__name__=~\"{prefix}.*\"}}");
        let request = http().get(format!("{}/api/v1/export", self.url())).query(&[
            ("match[]", selector.as_str()),
            ("start", "0"),
            ("reduce_mem_usage", "0"),
        ]);
        let text = request.send().await.expect("an answer").text().await.expect("text");
        let series = |line| {
            let series: serde_json::Value = serde_json::from_str(line).expect("a JSON object a line");
            let numbers = |name: &str| series[name].as_array().expect("numbers").clone();
            let times = numbers("timestamps").iter().map(|time| time.as_i64().expect("a time")).collect();
            let values = numbers("values").iter().map(|value| value.as_f64().expect("a value")).collect();
            (times, values)
        };
        text.lines().map(series).collect()
    }

    /// What its querying API answers, which is that of Prometheus: `query`, `query_range` or `series`.
    pub async fn query(&self, path: &str, parameters: &[(&str, &str)]) -> serde_json::Value {
        self.get("/internal/force_flush").await;
        let url = format!("{}/api/v1/{path}", self.url());
        let request = http().get(url).query(parameters).query(&[("nocache", "1")]);
        let text = request.send().await.expect("an answer").text().await.expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Points in all measurements, by a field that each of them has.
    pub async fn count_all(&self) -> usize {
        let mut sum = 0;
        for kind in seclyzer::record::Kind::ALL {
            let series = self.export(&format!("{}_degraded", kind.table())).await;
            sum += series.iter().map(|(times, _)| times.len()).sum::<usize>();
        }
        sum
    }

    /// Lines that it could not read.
    pub async fn invalid_rows(&self) -> u64 {
        let metrics = self.get("/metrics").await;
        let lines = metrics.lines().filter(|line| line.starts_with("vm_rows_invalid_total{type=\"influx\"}"));
        let mut counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok());
        counts.next().expect("a metric of that name")
    }
}
