//! What holds for every order of calls and answers.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::domain::fixtures::failure;

/// One thing that happens to a lane.
#[derive(Clone, Debug)]
enum Step {
    /// So many milliseconds pass.
    Pass(u64),
    /// Calls of these classes wait, and one is let through if it may be.
    Take(BTreeSet<Class>),
    /// The List wants its turn.
    TakeList,
    /// The List gives up.
    ListGivesUp,
    /// The call that was let through first is sent.
    Send,
    /// The call that was let through last is not sent.
    Drop,
    /// The oldest call that was sent ends like this.
    End(Outcome),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Answered),
        2 => option::of((0..20_000u64).prop_map(Duration::from_millis)).prop_map(Outcome::Throttled),
        2 => Just(Outcome::Failed(failure(FailureReason::TimedOut))),
        1 => Just(Outcome::Unknown),
    ]
}

fn classes() -> impl Strategy<Value = BTreeSet<Class>> {
    vec(select(Class::ALL.to_vec()), 0..4).prop_map(|classes| classes.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3000u64).prop_map(Step::Pass),
        6 => classes().prop_map(Step::Take),
        1 => Just(Step::TakeList),
        1 => Just(Step::ListGivesUp),
        5 => Just(Step::Send),
        1 => Just(Step::Drop),
        5 => outcome().prop_map(Step::End),
    ]
}

/// A lane on a clock of its own.
struct Played {
    limiter: Limiter,
    now: Moment,
    chance: f64,
    taken: Vec<Pass>,
    sent: Vec<Pass>,
    /// When calls were sent.
    times: Vec<Moment>,
}

impl Played {
    fn new(cap: u32, chance: f64) -> Self {
        let limiter = Limiter::new(NonZeroU32::new(cap).unwrap(), Moment(0));
        Self { limiter, now: Moment(0), chance, taken: Vec::new(), sent: Vec::new(), times: Vec::new() }
    }

    fn after(cap: u32, chance: f64, steps: &[Step]) -> Self {
        let mut played = Self::new(cap, chance);
        for step in steps {
            played.play(step);
        }
        played
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Pass(millis) => self.now = self.now.plus(Duration::from_millis(*millis)),
            Step::Take(waiting) => self.taken.extend(self.limiter.take(waiting, self.now).map(|(_, pass)| pass)),
            Step::TakeList => self.taken.extend(self.limiter.take_list(self.now)),
            Step::ListGivesUp => self.limiter.list_stops_waiting(),
            Step::Send if !self.taken.is_empty() => {
                let pass = self.taken.remove(0);
                self.send(pass);
            }
            Step::Drop => {
                if let Some(pass) = self.taken.pop() {
                    self.over(&pass, &Outcome::Unknown);
                }
            }
            Step::End(outcome) if !self.sent.is_empty() => {
                let pass = self.sent.remove(0);
                self.over(&pass, outcome);
            }
            Step::Send | Step::End(_) => {}
        }
    }

    fn over(&mut self, pass: &Pass, outcome: &Outcome) {
        self.limiter.over(pass, outcome, self.now, self.chance);
    }

    fn send(&mut self, mut pass: Pass) {
        self.limiter.sent(&mut pass, self.now);
        self.times.push(self.now);
        self.sent.push(pass);
    }

    /// Everything that was let through ends well, and the List stops waiting.
    fn settle(&mut self) {
        self.limiter.list_stops_waiting();
        while !self.taken.is_empty() {
            self.play(&Step::Send);
        }
        while !self.sent.is_empty() {
            self.play(&Step::End(Outcome::Answered));
        }
    }

    /// The next call of one of these classes, sent as soon as may be and answered.
    fn answered(&mut self, waiting: &BTreeSet<Class>) -> Class {
        loop {
            match self.limiter.take(waiting, self.now) {
                Ok((class, pass)) => {
                    self.send(pass);
                    self.play(&Step::End(Outcome::Answered));
                    return class;
                }
                Err(at) => {
                    let at = at.expect("nothing is under way");
                    assert!(at > self.now, "it waits for the past");
                    self.now = at;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// In each period at most the calls of one second and those of the period: a bucket at the cap, of which each call
    /// that is sent takes one, never is short of it.
    #[test]
    fn the_calls_that_are_sent_never_exceed_the_cap(
        cap in select(vec![1u32, 2, 7, 100, 5000]),
        chance in 0.0..1.0f64,
        steps in vec(step(), 1..400),
    ) {
        let played = Played::after(cap, chance, &steps);
        let rate = Rate::per_second(cap);
        let mut bucket = Bucket::full(rate, Moment(0));
        for at in played.times {
            prop_assert_eq!(bucket.ready(rate, at), Ok(()), "at {:?}", at);
            bucket.take();
            bucket.sent(rate, at);
        }
    }

    #[test]
    fn the_rate_stays_between_the_floor_and_the_cap(
        cap in select(vec![1u32, 2, 7, 100, 5000]),
        steps in vec(step(), 1..400),
    ) {
        let mut played = Played::new(cap, 0.5);
        for step in &steps {
            played.play(step);
            let rate = played.limiter.snapshot().rate;
            prop_assert!((1.0..=f64::from(cap)).contains(&rate), "{}", rate);
        }
    }

    #[test]
    fn a_minute_after_throttling_ends_the_rate_is_at_the_cap_again(
        cap in select(vec![1u32, 2, 7, 100]),
        steps in vec(step(), 1..400),
    ) {
        let mut played = Played::after(cap, 0.5, &steps);
        played.settle();
        played.answered(&Class::ALL.into());
        let end = played.now.plus(Duration::from_secs(61));
        while played.now < end {
            played.answered(&Class::ALL.into());
        }
        prop_assert!((played.limiter.snapshot().rate - f64::from(cap)).abs() < 0.001, "{:?}", played.limiter.snapshot());
    }

    #[test]
    fn no_class_starves_and_edits_have_every_other_call(steps in vec(step(), 0..200)) {
        let mut played = Played::after(100, 0.5, &steps);
        played.settle();
        let turns: Vec<Class> = (0..128).map(|_| played.answered(&Class::ALL.into())).collect();
        for class in Class::ALL {
            // The last class has half the share of the one before it.
            let within = if class == Class::Details { 64 } else { 32 };
            for window in turns.windows(within) {
                prop_assert!(window.contains(&class), "{:?} in {:?}", class, window);
            }
        }
        prop_assert!(turns.windows(2).all(|two| two.contains(&Class::Edit)), "{:?}", turns);
    }

    #[test]
    fn the_list_is_not_starved_by_edits_and_does_not_starve_them(steps in vec(step(), 0..200)) {
        let mut played = Played::after(100, 0.5, &steps);
        played.settle();
        let (mut lists, mut edits) = (0, 0);
        let begin = played.now.plus(Duration::from_secs(20));
        while played.now < begin.plus(Duration::from_secs(20)) {
            let counts = played.now >= begin;
            let list = played.limiter.take_list(played.now);
            let edit = played.limiter.take(&[Class::Edit].into(), played.now);
            lists += u32::from(counts && list.is_ok());
            edits += u32::from(counts && edit.is_ok());
            for pass in list.into_iter().chain(edit.map(|(_, pass)| pass)) {
                played.send(pass);
                played.play(&Step::End(Outcome::Answered));
            }
            played.now = played.now.plus(Duration::from_millis(10));
        }
        prop_assert!(lists * 6 > edits && lists * 2 < edits, "{} pages, {} edits", lists, edits);
    }

    #[test]
    fn at_most_one_call_about_a_group_is_tried_at_a_time_while_the_circuit_is_open(steps in vec(step(), 1..400)) {
        let mut played = Played::new(1000, 0.5);
        let mut sent_open = 0;
        for step in &steps {
            let was_open = played.limiter.snapshot().open;
            played.play(step);
            if !(was_open && played.limiter.snapshot().open) {
                sent_open = played.taken.len() + played.sent.len();
            }
            let probes = played.taken.iter().chain(&played.sent).filter(|pass| pass.probe).count();
            let steps = played.taken.iter().chain(&played.sent).filter(|pass| pass.class.is_some()).count();
            prop_assert!(probes <= 1 && steps <= sent_open + 1);
        }
    }

    #[test]
    fn a_lane_that_answers_again_serves_an_edit_within_ten_seconds(
        steps in vec(step().prop_filter("without Retry-After", |step| {
            !matches!(step, Step::End(Outcome::Throttled(Some(_))))
        }), 1..400),
    ) {
        let mut played = Played::after(100, 1.0, &steps);
        played.settle();
        let relief = played.now;
        let mut edits = Class::ALL.to_vec();
        edits.retain(|class| *class != Class::Describe);
        while played.answered(&edits.iter().copied().collect()) != Class::Edit {}
        prop_assert!(played.now.since(relief) <= Duration::from_secs(10), "{:?}", played.now.since(relief));
    }
}
