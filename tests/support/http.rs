//! A small, strict server of the write API of InfluxDB 2 and 3, and listeners that misbehave.

use flate2::read::GzDecoder;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// One request as it came, its body inflated.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    /// Path and query.
    pub target: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// What the server answers next, instead of doing what it is asked.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    /// Lines with their ends.
    pub headers: &'static str,
    pub body: String,
}

impl Refusal {
    pub fn new(status: u16) -> Refusal {
        Refusal { status, headers: "", body: String::new() }
    }
}

#[derive(Debug, Default)]
struct State {
    token: String,
    largest_body: usize,
    refusals: VecDeque<Refusal>,
    requests: Vec<Request>,
    /// Series and time of every point.
    points: BTreeSet<String>,
    written: usize,
    /// Answers as the documentation of InfluxDB 3 has it.
    is_version_3: bool,
    /// What a measurement's points are answered with instead of being stored.
    unwanted: BTreeMap<&'static str, Unwanted>,
}

/// Why a measurement's points are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// A field is stored as another type.
    Conflict,
    /// All of it is too old for the bucket.
    TooOld,
}

/// Wants organisation `org` (as InfluxDB 3 none, and minds none), bucket `bucket` and its token, inflates what is
/// compressed, and takes a body only if every line of it is a point.
pub struct StrictV2 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl StrictV2 {
    pub fn start(token: &str, largest_body: usize) -> StrictV2 {
        StrictV2::with(State { token: token.into(), largest_body, ..State::default() })
    }

    /// As InfluxDB 3 answers on the same path.
    pub fn start_version_3(token: &str) -> StrictV2 {
        StrictV2::with(State { token: token.into(), largest_body: 1 << 20, is_version_3: true, ..State::default() })
    }

    /// Does not store a measurement's points from now on.
    pub fn refuse_points(&self, measurement: &'static str, why: Unwanted) {
        self.state.lock().expect("no panic").unwanted.insert(measurement, why);
    }

    /// Points of no kind are refused any more.
    pub fn refuse_no_points(&self) {
        self.state.lock().expect("no panic").unwanted.clear();
    }

    fn with(state: State) -> StrictV2 {
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let address = listen(move |connection| {
            let _ = serve(connection, &shared);
        });
        StrictV2 { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn refuse_next(&self, refusals: impl IntoIterator<Item = Refusal>) {
        self.state.lock().expect("no panic").refusals.extend(refusals);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().expect("no panic").requests.clone()
    }

    /// Points that are there, and how many were written: more, if one came twice.
    pub fn points(&self) -> (usize, usize) {
        let state = self.state.lock().expect("no panic");
        (state.points.len(), state.written)
    }
}

/// Serves every connection in a thread of its own; the threads end with the test's process.
pub fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

fn serve(connection: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(request) = read_request(&mut reader)? {
        let refusal = {
            let mut state = state.lock().expect("no panic");
            state.requests.push(request.clone());
            state.refusals.pop_front().or_else(|| take(&mut state, &request).err())
        };
        let refusal = refusal.unwrap_or(Refusal::new(204));
        let Refusal { status, headers, body } = refusal;
        let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        write!(&connection, "HTTP/1.1 {status} Told\r\n{headers}{length}\r\n{body}")?;
    }
    Ok(())
}

/// `None` when the client has closed the connection.
pub fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("POST"), "{line}");
    let target = words.next().expect("a target").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut bytes = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked") {
        read_chunks(reader, &mut bytes)?;
    } else {
        let length: u64 = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
        reader.take(length).read_to_end(&mut bytes)?;
    }
    let mut body = String::new();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        GzDecoder::new(&bytes[..]).read_to_string(&mut body)?;
    } else {
        body = String::from_utf8(bytes).expect("UTF-8");
    }
    Ok(Some(Request { at: Instant::now(), target, headers, body }))
}

fn read_chunks(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).expect("a chunk's length");
        reader.take(length).read_to_end(bytes)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn take(state: &mut State, request: &Request) -> Result<(), Refusal> {
    let refuse = |status, body: String| Err(Refusal { body, ..Refusal::new(status) });
    if request.headers.get("authorization") != Some(&format!("Token {}", state.token)) {
        return refuse(401, r#"{"code":"unauthorized","message":"unauthorized access"}"#.into());
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut parameters: BTreeSet<&str> = query.split('&').collect();
    let org = parameters.iter().copied().find(|parameter| parameter.starts_with("org="));
    org.map(|org| parameters.remove(org));
    if path != "/api/v2/write" || parameters != BTreeSet::from(["bucket=bucket", "precision=ns"]) {
        return refuse(404, format!("nothing at {}", request.target));
    }
    if !state.is_version_3 && org.is_none_or(|org| org == "org=") {
        return refuse(400, r#"{"code":"invalid","message":"Please provide either orgID or org"}"#.into());
    }
    if !state.is_version_3 && org != Some("org=org") {
        return refuse(404, r#"{"code":"not found","message":"organization name \"x\" not found"}"#.into());
    }
    if request.body.len() > state.largest_body {
        return refuse(413, "too large".into());
    }
    let (mut points, mut unwanted) = (Vec::new(), Vec::new());
    for line in influxdb_line_protocol::parse_lines(&request.body) {
        match line {
            Ok(line) => match state.unwanted.get(line.series.measurement.as_str()) {
                Some(why) => unwanted.push((*why, line.to_string())),
                None => points.push(format!("{} {:?}", line.series, line.timestamp.expect("a time"))),
            },
            Err(error) => return refuse(400, format!("unable to parse: {error}")),
        }
    }
    if state.is_version_3 && points.is_empty() && unwanted.is_empty() {
        return refuse(400, "incoming write was empty".into());
    }
    state.written += points.len();
    state.points.extend(points);
    let Some((why, line)) = unwanted.iter().min_by_key(|(why, _)| *why != Unwanted::Conflict) else { return Ok(()) };
    // The others are stored all the same.
    if state.is_version_3 {
        let message = "invalid column type for column 'schema', expected iox::column_type::field::string, got \
                       iox::column_type::field::integer";
        let data = serde_json::json!([{"original_line": line, "line_number": 1, "error_message": message}]);
        let body = serde_json::json!({"error": "partial write of line protocol occurred", "data": data});
        return refuse(400, body.to_string());
    }
    let reason = match why {
        Unwanted::Conflict => {
            "field type conflict: input field \"schema\" is type integer, already exists as type string"
        }
        Unwanted::TooOld => "points beyond retention policy",
    };
    let place = "for database: 9f282d63c7d3a5c0 for retention policy: autogen";
    let message =
        format!("failure writing points to database: partial write: {reason} dropped={} {place}", unwanted.len());
    refuse(422, serde_json::json!({"code": "unprocessable entity", "message": message}).to_string())
}
