//! How much work runs at a time, by kind of work and lane. Pure.

use std::collections::BTreeMap;

use super::memory::Work;
use crate::domain::lane_id::LaneId;

/// Steps in AWS under way at a time: each holds a request's buffers.
const STEPS: usize = 40;
/// Of these, what is no edit: an edit never waits behind adoptions and corrections.
const STEPS_THAT_ARE_NO_EDIT: usize = 32;
/// Of one lane, so that one that hangs leaves room for the others.
const STEPS_OF_A_LANE: usize = 24;
/// Of one lane, what is no edit.
const STEPS_OF_A_LANE_THAT_ARE_NO_EDIT: usize = 16;
/// Status writes under way at a time: more would only queue up in the API server.
const REPORTS: usize = 24;

/// The work under way.
#[derive(Debug, Default)]
pub struct Slots {
    steps: Count,
    of_lanes: BTreeMap<LaneId, Count>,
    reports: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    edits: usize,
    others: usize,
}

impl Count {
    fn all(self) -> usize {
        self.edits + self.others
    }

    fn of(&mut self, work: Work) -> &mut usize {
        if work == Work::Edit { &mut self.edits } else { &mut self.others }
    }
}

impl Slots {
    /// Takes a place for `work`; false when there is none.
    pub fn take(&mut self, work: Work, lane: Option<&LaneId>) -> bool {
        if !self.has_room(work, lane) {
            return false;
        }
        match lane.filter(|_| work != Work::Report) {
            Some(lane) => {
                *self.steps.of(work) += 1;
                *self.of_lanes.entry(lane.clone()).or_default().of(work) += 1;
            }
            None => self.reports += 1,
        }
        true
    }

    /// Gives a place back.
    pub fn give_back(&mut self, work: Work, lane: Option<&LaneId>) {
        let Some(lane) = lane.filter(|_| work != Work::Report) else {
            self.reports -= 1;
            return;
        };
        *self.steps.of(work) -= 1;
        if let Some(count) = self.of_lanes.get_mut(lane) {
            *count.of(work) -= 1;
            if count.all() == 0 {
                self.of_lanes.remove(lane);
            }
        }
    }

    /// Whether there is a place for `work`.
    #[must_use]
    pub fn has_room(&self, work: Work, lane: Option<&LaneId>) -> bool {
        let Some(lane) = lane.filter(|_| work != Work::Report) else { return self.reports < REPORTS };
        let of_lane = self.of_lanes.get(lane).copied().unwrap_or_default();
        let room = self.steps.all() < STEPS && of_lane.all() < STEPS_OF_A_LANE;
        let room_for_others =
            self.steps.others < STEPS_THAT_ARE_NO_EDIT && of_lane.others < STEPS_OF_A_LANE_THAT_ARE_NO_EDIT;
        room && (work == Work::Edit || room_for_others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(slots: &mut Slots, work: Work, lane: &LaneId) -> usize {
        (0..1000).take_while(|_| slots.take(work, Some(lane))).count()
    }

    #[test]
    fn at_most_64_at_a_time_and_an_edit_finds_room_whatever_else_goes_on() {
        let lanes = ["a", "b", "c"].map(LaneId::of_region);
        let mut slots = Slots::default();
        let corrections: usize = lanes.iter().map(|lane| fill(&mut slots, Work::Correct, lane)).sum();
        let reports = fill(&mut slots, Work::Report, &lanes[0]);
        assert_eq!((corrections, reports), (32, 24));
        assert!(slots.has_room(Work::Edit, Some(&lanes[2])));
        let edits: usize = lanes.iter().map(|lane| fill(&mut slots, Work::Edit, lane)).sum();
        assert_eq!(corrections + reports + edits, 64);
    }

    #[test]
    fn a_lane_that_hangs_leaves_room_for_the_others() {
        let (hung, healthy) = (LaneId::of_region("hung"), LaneId::of_region("healthy"));
        let mut slots = Slots::default();
        fill(&mut slots, Work::Adopt, &hung);
        assert_eq!(fill(&mut slots, Work::Edit, &hung), 8);
        assert_eq!(fill(&mut slots, Work::Edit, &healthy), 16);
    }

    #[test]
    fn what_has_ended_makes_room() {
        let lane = LaneId::of_region("a");
        let mut slots = Slots::default();
        for work in [Work::Edit, Work::Adopt, Work::Report] {
            fill(&mut slots, work, &lane);
            assert!(!slots.has_room(work, Some(&lane)));
            slots.give_back(work, Some(&lane));
            assert!(slots.has_room(work, Some(&lane)), "{work:?}");
        }
    }
}
