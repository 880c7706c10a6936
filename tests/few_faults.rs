//! Each fault of the campaign (`make torture`) a few times.

mod faults;
mod support;

use faults::{Row, disk, kills, learning, load, network};
use std::time::Duration;
use support::servers::Influx1;

fn assert_flawless(row: &Row) {
    assert!(row.is_flawless(), "{row:?}");
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_moment_loses_nothing_and_tells_nothing_twice() {
    assert_flawless(&kills::kill(25).await);
}

/// Not a test: the process that learns.
#[test]
#[ignore = "a process of the other tests"]
fn the_learner() {
    support::learner::run_if_asked();
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_learns_loses_five_minutes_of_learning_at_most() {
    let (row, lost) = learning::kill(8, false).await;
    assert_flawless(&row);
    assert!(lost.seconds <= learning::LONGEST_LOST_S, "{lost:?}");
}

#[tokio::test]
async fn where_the_live_state_is_stored_it_loses_the_last_seconds_at_most() {
    let (row, lost) = learning::kill(8, true).await;
    assert_flawless(&row);
    assert!(lost.seconds <= learning::LONGEST_LOST_LIVE_S, "{lost:?}");
}

#[tokio::test]
async fn what_is_learnt_while_the_database_is_locked_or_the_disk_full_is_stored_in_the_end() {
    assert_flawless(&learning::locked(Duration::from_secs(6)).await);
    assert_flawless(&learning::full().await);
}

#[tokio::test]
async fn servers_that_are_ill_for_a_while_end_with_every_record() {
    let influx = Influx1::start(None).await;
    let all = (0..network::ILLNESSES.len()).map(|number| network::ill(&influx, number));
    futures_util::future::join_all(all).await.iter().for_each(assert_flawless);
}

#[tokio::test]
async fn servers_that_refuse_for_a_while_end_with_every_record() {
    assert_flawless(&network::refused().await);
}

#[tokio::test]
async fn a_server_that_takes_small_batches_only_ends_with_every_record() {
    assert_flawless(&network::too_large().await);
}

#[tokio::test]
async fn a_backlog_is_delivered_with_the_usual_memory() {
    let influx = Influx1::start(None).await;
    assert_flawless(&network::long_absence(&influx, 1_000).await);
}

#[tokio::test]
async fn a_redis_that_forgets_is_told_nothing_twice() {
    let influx = Influx1::start(None).await;
    assert_flawless(&network::data_lost(&influx).await);
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_as_it_was() {
    assert_flawless(&disk::flipped_byte(5).await);
}

#[tokio::test]
async fn records_wait_while_the_disk_is_full() {
    assert_flawless(&disk::full().await);
}

#[tokio::test]
async fn records_wait_while_the_database_is_locked() {
    assert_flawless(&disk::locked(Duration::from_secs(6)).await);
}

#[tokio::test]
async fn records_go_on_when_the_database_is_removed() {
    assert_flawless(&disk::removed().await);
}

#[tokio::test]
async fn ten_times_the_highest_real_rate_reaches_a_hundred_subscribers() {
    assert_flawless(&load::flood(5).await);
}

#[tokio::test]
async fn a_hundred_thousand_bad_events_are_counted_by_reason_and_stop_nothing() {
    assert_flawless(&load::rubbish(100_000).await);
}
