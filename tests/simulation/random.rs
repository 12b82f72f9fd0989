//! Schedules from seeds.

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    run::{cut, explained, run},
    schedule::Schedule,
    world::Counts,
};

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

#[test]
fn schedules_from_seeds_break_no_rule() {
    let from = number("SIMULATION_FROM").unwrap_or(0);
    let schedules = number("SIMULATION_SCHEDULES").unwrap_or(60);
    let least = Duration::from_secs(number("SIMULATION_SECONDS").unwrap_or(0));
    let began = Instant::now();
    let next = AtomicU64::new(from);
    let (failed, faults, counts) = (Mutex::new(Vec::new()), Mutex::new(Counts::new()), Mutex::new(Counts::new()));
    let threads = number("SIMULATION_THREADS").unwrap_or(2);
    let simulated = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = seed >= from + schedules && began.elapsed() >= least;
                    if enough || failed.lock().len() >= 5 {
                        break;
                    }
                    let outcome = run(&Schedule::random(seed));
                    add(&faults, &outcome.faults);
                    add(&counts, &outcome.counts);
                    *simulated.lock() += outcome.lasted;
                    if !outcome.violations.is_empty() {
                        failed.lock().push((seed, outcome.violations));
                    }
                }
            });
        }
    });
    let ran = next.load(Ordering::Relaxed) - from - threads;
    let seconds = began.elapsed().as_secs_f64();
    println!("{ran} schedules from seed {from} in {seconds:.1} s on {threads} threads");
    println!("simulated time: {} h", simulated.lock().as_secs() / 3600);
    println!("faults met: {:?}", faults.lock());
    println!("seen: {:?}", counts.lock());
    let failed = failed.into_inner();
    if let Some((seed, _)) = failed.first() {
        for (seed, violations) in &failed {
            println!("seed {seed}: {violations:?}");
        }
        println!("{}", explained(&cut(&Schedule::random(*seed))));
        panic!("{} schedules failed; the first one, cut to what is needed, is printed above", failed.len());
    }
}

fn add(all: &Mutex<Counts>, some: &Counts) {
    let mut all = all.lock();
    for (what, count) in some {
        *all.entry(what.clone()).or_default() += count;
    }
}

/// Cuts one failing seed: `SIMULATION_FROM=7 cargo test --test simulation cut_of -- --ignored --nocapture`.
#[test]
#[ignore = "for people"]
fn cut_of_one_seed() {
    println!("{}", explained(&cut(&Schedule::random(number("SIMULATION_FROM").unwrap_or(0)))));
}

/// Prints the trace of one seed: `SIMULATION_FROM=7 cargo test --test simulation trace_of -- --ignored --nocapture`.
#[test]
#[ignore = "for people, and for the test below"]
fn trace_of_one_seed() {
    let outcome = run(&Schedule::random(number("SIMULATION_FROM").unwrap_or(0)));
    println!("{}", outcome.trace);
}

#[test]
fn a_seed_replays_to_the_byte_in_another_process() {
    let trace = |seed: u64| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["random::trace_of_one_seed", "--exact", "--ignored", "--nocapture"]);
        let output = command.env("SIMULATION_FROM", seed.to_string()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // The test harness's own last line ends with how long it took.
        text.lines().filter(|line| !line.starts_with("test result")).collect::<Vec<_>>().join("\n")
    };
    let first = |like: fn(&Schedule) -> bool| (0..1000).find(|seed| like(&Schedule::random(*seed))).unwrap();
    let (sdk, rival) = (first(|schedule| schedule.options.sdk), first(|schedule| schedule.rival));
    for seed in [1, 2, sdk, rival] {
        let (first, second) = (trace(seed), trace(seed));
        assert!(first.lines().count() > 50, "{first}");
        let differs = first.lines().zip(second.lines()).position(|(one, other)| one != other);
        assert!(first == second, "seed {seed} differs in line {differs:?}:\n{first}\n---\n{second}");
    }
}
