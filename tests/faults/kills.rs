//! The process is killed without warning, at any moment of a replay.

use super::Row;
use super::scene::{
    Names, expected, in_database, in_influx, in_influx_between, in_streams, name, replay, sections, span_us, streamed,
    write_traces,
};
use crate::support::agent::Home;
use crate::support::servers::{Influx1, Redis};
use futures_util::StreamExt;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DATABASE: &str = "seclyzer";

/// Kills so many replays. Each replays the trace of the one before once more, and one that is new. One that comes to its
/// end before does not count.
pub async fn kill(times: usize) -> Row {
    let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
    let home = Home::with_config(&sections(&redis.url(), &influx.url(), DATABASE));
    let mut traces = write_traces(home.path(), 0..1);
    let heard = listen(&redis).await;
    let usual = usual_time(&home, &traces).await;
    let mut row = Row::new("killed with SIGKILL");
    let mut read_until = "-".to_owned();
    for day in 0.. {
        if row.times == times {
            break;
        }
        traces.extend(write_traces(home.path(), day + 1..day + 2));
        let mut agent = replay(&home, &traces[traces.len() - 2..], &[]);
        tokio::time::sleep(at_random(usual * 2)).await;
        let was_running = agent.is_running();
        drop(agent);
        // Of these two traces; the others have been looked at.
        let us = span_us(day..day + 2);
        let (stream, last) = redis.stream_after(&read_until).await;
        read_until = last;
        let points = in_influx_between(&influx, DATABASE, us.clone()).await.0;
        let stream = stream.iter().map(|record| name(record));
        let heard: Names = heard.lock().expect("no panic").clone();
        let mut announced: Names = stream.chain(points).chain(heard).collect();
        announced.retain(|(_, end_us)| us.contains(end_us));
        let stored = if home.database().exists() { in_database(&home.database()) } else { Names::new() };
        row.add(announced.len(), announced.intersection(&stored).count(), 0);
        row.times -= usize::from(!was_running);
    }
    // In the end every server has every record.
    let all = expected(&traces);
    let code = tokio::task::spawn_blocking({
        let agent = replay(&home, &traces, &[]);
        || agent.wait()
    });
    assert_eq!(code.await.expect("no panic"), Some(0));
    let (stream, stream_twice) = in_streams(&redis).await;
    let (points, points_twice) = in_influx(&influx, DATABASE).await;
    let stored = in_database(&home.database());
    for (all, found, twice) in
        [(&streamed(&all), &stream, stream_twice), (&all, &points, points_twice), (&all, &stored, 0)]
    {
        assert!(found.is_subset(all), "records that nobody made");
        row.lost += all.len() - found.len();
        row.twice += twice;
    }
    row
}

/// What a subscriber hears from now on.
async fn listen(redis: &Redis) -> Arc<Mutex<Names>> {
    let mut subscription = redis.subscribe(&["features"]).await;
    let heard = Arc::new(Mutex::new(Names::new()));
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut messages = subscription.on_message();
        while let Some(message) = messages.next().await {
            let text = String::from_utf8(message.get_payload_bytes().to_vec()).expect("UTF-8");
            kept.lock().expect("no panic").insert(name(&text));
        }
    });
    heard
}

/// How long a replay takes that nobody disturbs.
async fn usual_time(home: &Home, traces: &[PathBuf]) -> Duration {
    let begun = Instant::now();
    let agent = replay(home, traces, &[]);
    let code = tokio::task::spawn_blocking(|| agent.wait()).await.expect("no panic");
    assert_eq!(code, Some(0));
    begun.elapsed()
}

pub fn at_random(most: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64;
    most.mul_f64(random)
}
