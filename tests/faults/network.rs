//! Redis and InfluxDB are down, ill, or away for long.

use super::Row;
use super::proxy::{Mode, Proxy};
use super::scene::{
    Names, expected, in_database, in_influx, in_streams, peak_kib, replay, sections, streamed, write_traces,
};
use crate::support::agent::{Agent, Home};
use crate::support::http::StrictV2;
use crate::support::servers::{Influx1, Redis};
use crate::support::{eventually, record};
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::{Identity, Origin};
use seclyzer::store::{Follower, Store};
use std::sync::Arc;
use std::time::Duration;

/// What a replay may need beyond the usual while a server is ill, KiB.
const MORE_MEMORY_KIB: u64 = 4096;
/// Attempts that must fail before the server is well again.
const ATTEMPTS: usize = 2;

/// Every way in which a server can be ill, on either server.
pub const ILLNESSES: [(&str, Mode, Mode); 9] = [
    ("black-holed", Mode::Silent, Mode::Silent),
    ("a byte a second", Mode::Slow, Mode::Slow),
    ("cut in mid-batch", Mode::CutAfter(3000), Mode::CutAfter(3000)),
    ("cut while logging in", Mode::CutAfter(20), Mode::CutAfter(20)),
    ("InfluxDB answers 401", Mode::Pass, Mode::Http(401)),
    ("InfluxDB answers 429", Mode::Pass, Mode::Http(429)),
    ("InfluxDB answers 500", Mode::Pass, Mode::Http(500)),
    ("InfluxDB answers 503", Mode::Pass, Mode::Http(503)),
    ("something else answers", Mode::Http(200), Mode::Http(200)),
];

/// A replay to servers that are ill at first and get well after a few attempts.
pub async fn ill(influx: &Influx1, number: usize) -> Row {
    let (fault, redis_mode, influx_mode) = ILLNESSES[number];
    let database = format!("ill_{number}");
    influx.query(&format!("CREATE DATABASE {database}")).await;
    let redis = Redis::start(&[]).await;
    let to_redis = Proxy::start(redis.url().trim_start_matches("redis://"), redis_mode);
    let to_influx = Proxy::start(influx.url().trim_start_matches("http://"), influx_mode);
    let (redis_url, influx_url) =
        (format!("redis://{}", to_redis.address()), format!("http://{}", to_influx.address()));
    let home = Home::with_config(&sections(&redis_url, &influx_url, &database));
    let traces = write_traces(home.path(), 0..3);
    let all = expected(&traces);
    let agent = replay(&home, &traces, &[]);
    // Capture goes on whatever the servers do.
    stored(&home, &all).await;
    let is_ill = |proxy: &Proxy, mode| mode == Mode::Pass || proxy.victims() >= ATTEMPTS;
    eventually("the servers were asked in vain", async || {
        (is_ill(&to_redis, redis_mode) && is_ill(&to_influx, influx_mode)).then_some(())
    })
    .await;
    to_redis.change(Mode::Pass);
    to_influx.change(Mode::Pass);
    let mut row = Row::new(fault);
    finish(agent, &all, &home, &redis, (influx, &database), &mut row).await;
    row
}

async fn stored(home: &Home, all: &Names) {
    let is_there = || home.database().exists() && in_database(&home.database()).len() == all.len();
    eventually("every record is stored", async || is_there().then_some(())).await;
}

/// Waits for the replay's end; counts what the servers then hold, and looks at its memory and its log.
async fn finish(
    agent: Agent,
    all: &Names,
    home: &Home,
    redis: &Redis,
    (influx, database): (&Influx1, &str),
    row: &mut Row,
) {
    let usual_kib = usual_peak_kib().await;
    let (code, log, peak) = ended(agent).await;
    assert_eq!(code, Some(0), "{}: {log:?}", row.fault);
    assert!(peak <= usual_kib + MORE_MEMORY_KIB, "{}: {peak} KiB, usually {usual_kib}", row.fault);
    for sink in ["redis", "influx"] {
        let of_sink = |text: &str| log.iter().filter(|line| line.contains(text) && line.contains(sink)).count();
        let troubles = of_sink("cannot deliver") + of_sink("the server refuses");
        // At most down and up again, and for two kinds of failure one line each.
        assert!(troubles <= 2 && of_sink("being delivered") <= 2, "{}: {log:?}", row.fault);
    }
    let (stream, stream_twice) = in_streams(redis).await;
    let (points, points_twice) = in_influx(influx, database).await;
    let stored = in_database(&home.database());
    for (all, found, twice) in [(&streamed(all), stream, stream_twice), (all, points, points_twice), (all, stored, 0)] {
        row.add(all.len(), all.intersection(&found).count(), twice);
    }
    row.times = 1;
}

/// The end of a process: its code, its log and the most memory that it had.
async fn ended(agent: Agent) -> (Option<i32>, Vec<String>, u64) {
    let pid = agent.id();
    let watched = tokio::task::spawn_blocking(move || agent.wait_with_log());
    let mut peak = 0;
    while !watched.is_finished() {
        peak = peak.max(peak_kib(pid));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (code, log) = watched.await.expect("no panic");
    (code, log, peak)
}

/// The most memory of a replay that nothing goes wrong in.
async fn usual_peak_kib() -> u64 {
    static USUAL: tokio::sync::OnceCell<u64> = tokio::sync::OnceCell::const_new();
    let measure = async || {
        let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
        let home = Home::with_config(&sections(&redis.url(), &influx.url(), "seclyzer"));
        let (_, _, peak) = ended(replay(&home, &write_traces(home.path(), 0..3), &[])).await;
        peak
    };
    *USUAL.get_or_init(measure).await
}

/// Nobody listens at first; then Redis wants another password than ours, until that is mended.
pub async fn refused() -> Row {
    const DATABASE: &str = "seclyzer";
    let mut redis = Redis::prepare(&["--requirepass", "another"]);
    let mut influx = Influx1::start(None).await;
    influx.stop();
    let url = redis.url().replace("redis://", "redis://:right@");
    let home = Home::with_config(&sections(&url, &influx.url(), DATABASE));
    let traces = write_traces(home.path(), 0..3);
    let all = expected(&traces);
    let agent = replay(&home, &traces, &[]);
    stored(&home, &all).await;
    influx.restart().await;
    redis.restart().await;
    agent.wait_for_log("the server refuses");
    set_password(&redis, ":another@", "right").await;
    let (code, log, _) = ended(agent).await;
    assert_eq!(code, Some(0), "{log:?}");
    set_password(&redis, ":right@", "").await;
    let mut row = Row::new("refused, then a wrong password");
    let (stream, stream_twice) = in_streams(&redis).await;
    let (points, points_twice) = in_influx(&influx, DATABASE).await;
    for (all, found, twice) in [(&streamed(&all), stream, stream_twice), (&all, points, points_twice)] {
        row.add(all.len(), all.intersection(&found).count(), twice);
    }
    row.times = 1;
    row
}

async fn set_password(redis: &Redis, login: &str, password: &str) {
    let mut connection = redis.connect(login).await;
    let set = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg(password).to_owned();
    let () = set.query_async(&mut connection).await.expect("a server that is ours");
}

/// InfluxDB 2 takes no body beyond a size that a usual batch has; which records it took, its own count must say.
pub async fn too_large() -> Row {
    const TOKEN: &str = "t0ken";
    let influx = StrictV2::start(TOKEN, 6_000);
    let section =
        format!("[influx]\nurl = \"{}\"\ntoken = \"{TOKEN}\"\norg = \"org\"\nbucket = \"bucket\"\n", influx.url());
    let home = Home::with_config(&format!("[redis]\nenabled = false\n{section}"));
    let traces = write_traces(home.path(), 0..3);
    let all = expected(&traces);
    let (code, log, _) = ended(replay(&home, &traces, &[])).await;
    assert_eq!(code, Some(0), "{log:?}");
    let is_refused = influx.requests().len() > all.len() / 16 + 3;
    assert!(is_refused, "every batch was small enough");
    let (points, written) = influx.points();
    let mut row = Row::new("InfluxDB answers 413 to large batches");
    row.add(all.len(), points, written - points);
    row
}

/// The servers come back after so long that this many records wait for them.
pub async fn long_absence(influx: &Influx1, records: i64) -> Row {
    influx.query("CREATE DATABASE absence").await;
    let redis = Redis::start(&[]).await;
    let mut config = sections(&redis.url(), &influx.url(), "absence");
    config += "[identity]\nuser = \"someone\"\nhost = \"somewhere\"\n";
    let home = Home::with_config(&config);
    let settings = config::Store { path: home.database(), retention: None };
    let store = Store::open(&settings).expect("a new database");
    for follower in [Follower::Redis, Follower::Influx] {
        store.set_mark(follower, 0).await.expect("a mark");
    }
    let identity = Arc::new(Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false });
    for number in 0..records {
        // Of a day that is over, so that no trace meets them.
        let output = Output::Window(record(1_600_000_000_000_000, number));
        store.append_when_free(&identity, Origin::Trace, output).await.expect("a store that runs");
    }
    store.close(Duration::from_secs(60)).await.expect("closed");
    let mut all = in_database(&home.database());
    let traces = write_traces(home.path(), 0..1);
    all.extend(expected(&traces));
    let mut row = Row::new(format!("away until {records} records wait"));
    let agent = replay(&home, &traces, &[]);
    finish(agent, &all, &home, &redis, (influx, "absence"), &mut row).await;
    row
}

/// Redis comes back without what it held: what it is told from then on is all there, and nothing twice.
pub async fn data_lost(influx: &Influx1) -> Row {
    influx.query("CREATE DATABASE forgetful").await;
    let mut redis = Redis::start(&[]).await;
    let home = Home::with_config(&sections(&redis.url(), &influx.url(), "forgetful"));
    let (traces, more) = (write_traces(home.path(), 0..2), write_traces(home.path(), 2..4));
    let all = streamed(&expected(&[traces.clone(), more.clone()].concat()));
    let (code, log, _) = ended(replay(&home, &traces, &[])).await;
    assert_eq!(code, Some(0), "{log:?}");
    let (before, twice_before) = in_streams(&redis).await;
    redis.restart().await;
    assert!(in_streams(&redis).await.0.is_empty(), "it forgot");
    let (code, log, _) = ended(replay(&home, &more, &[])).await;
    assert_eq!(code, Some(0), "{log:?}");
    let (after, twice_after) = in_streams(&redis).await;
    let mut row = Row::new("Redis restarted with its data lost");
    let told: Names = before.union(&after).cloned().collect();
    row.add(
        all.len(),
        all.intersection(&told).count(),
        twice_before + twice_after + before.intersection(&after).count(),
    );
    row
}
