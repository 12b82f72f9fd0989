//! The worlds that are explored, and how many states each has at least.

use super::{CALM, Rules, Shape, explorer::Explorer};

fn explore(rules: Rules, at_least: usize) {
    let states = Explorer::explore(rules);
    println!("{} {states} states", std::thread::current().name().unwrap());
    assert!(states >= at_least, "only {states} states");
}

#[test]
fn in_a_world_without_faults() {
    explore(Rules { edits: 1, remote: 1, ..CALM }, 1900);
    explore(Rules { edits: 1, adopted: false, ..CALM }, 1400);
}

#[test]
fn when_reads_lag() {
    explore(Rules { edits: 1, remote: 1, lag: true, ..CALM }, 3200);
    explore(Rules { remote: 2, lag: true, ..CALM }, 2400);
    explore(Rules { remote: 1, lag: true, adopted: false, ..CALM }, 3000);
}

#[test]
fn when_updated_at_stands_still_if_nothing_changes() {
    explore(Rules { edits: 1, remote: 1, lag: true, moves: false, ..CALM }, 3100);
}

#[test]
fn when_updated_at_is_absent() {
    explore(Rules { edits: 2, lag: true, updated_at: false, ..CALM }, 1000);
}

#[test]
fn when_the_clock_stands_still() {
    explore(Rules { edits: 1, remote: 1, lag: true, frozen: true, ..CALM }, 1700);
    explore(Rules { edits: 1, faults: 1, frozen: true, ..CALM }, 3400);
}

#[test]
fn when_updates_do_not_report_what_they_did() {
    explore(Rules { edits: 1, updates_say: false, ..CALM }, 700);
}

#[test]
fn when_writes_time_out_or_are_refused() {
    explore(Rules { remote: 1, faults: 1, ..CALM }, 11000);
    explore(Rules { edits: 1, faults: 1, ..CALM }, 3400);
}

#[test]
fn when_writes_time_out_and_reads_lag() {
    explore(Rules { edits: 1, faults: 1, lag: true, ..CALM }, 3600);
}

#[test]
fn when_the_process_crashes() {
    explore(Rules { edits: 1, crashes: 1, lag: true, ..CALM }, 1900);
    explore(Rules { remote: 1, crashes: 1, lag: true, ..CALM }, 11000);
}

#[test]
fn when_lists_are_thin() {
    explore(Rules { remote: 1, lists: Shape::NoSwitch, ..CALM }, 4400);
    explore(Rules { remote: 1, lists: Shape::NoAgents, ..CALM }, 5300);
    explore(Rules { lists: Shape::NoSwitch, adopted: false, ..CALM }, 2500);
    explore(Rules { edits: 1, lists: Shape::NoSwitch, lag: true, ..CALM }, 5500);
    explore(Rules { lists: Shape::Sometimes, adopted: false, ..CALM }, 9900);
}

#[test]
fn when_the_group_goes_and_comes() {
    explore(Rules { remote: 1, lag: true, deletes: true, ..CALM }, 2900);
    explore(Rules { remote: 2, deletes: true, ..CALM }, 5400);
    explore(Rules { remote: 2, deletes: true, lists: Shape::NoSwitch, updated_at: false, frozen: true, ..CALM }, 10000);
}
