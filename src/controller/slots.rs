//! How much work runs at a time, by kind of work and lane. Pure.

use std::collections::BTreeMap;

use crate::{aws::limiter::Class, domain::lane_id::LaneId};

/// Steps in AWS under way at a time: each holds a request's buffers.
const STEPS: usize = 40;
/// Of these, what is no edit: an edit never waits behind adoptions and corrections.
const STEPS_THAT_ARE_NO_EDIT: usize = 32;
/// Of one lane, so that one that hangs leaves room for the others.
const STEPS_OF_A_LANE: usize = 24;
/// Of one lane, what is no edit.
const STEPS_OF_A_LANE_THAT_ARE_NO_EDIT: usize = 16;
/// Of one lane, however many the others have: one edit and one other.
const STEPS_OF_A_LANE_IN_ANY_CASE: usize = 2;
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

    fn of(&mut self, class: Class) -> &mut usize {
        if class == Class::Edit { &mut self.edits } else { &mut self.others }
    }
}

impl Slots {
    /// A step begins.
    pub fn take_step(&mut self, class: Class, lane: &LaneId) {
        *self.steps.of(class) += 1;
        *self.of_lanes.entry(lane.clone()).or_default().of(class) += 1;
    }

    /// A step has ended.
    pub fn give_back_step(&mut self, class: Class, lane: &LaneId) {
        *self.steps.of(class) -= 1;
        if let Some(count) = self.of_lanes.get_mut(lane) {
            *count.of(class) -= 1;
            if count.all() == 0 {
                self.of_lanes.remove(lane);
            }
        }
    }

    /// Whether there is room for a step.
    #[must_use]
    pub fn has_room_for_step(&self, class: Class, lane: &LaneId) -> bool {
        let of_lane = self.of_lanes.get(lane).copied().unwrap_or_default();
        let is_edit = class == Class::Edit;
        if of_lane.all() < STEPS_OF_A_LANE_IN_ANY_CASE && (is_edit || of_lane.others == 0) {
            return true;
        }
        let room = self.steps.all() < STEPS && of_lane.all() < STEPS_OF_A_LANE;
        let room_for_others =
            self.steps.others < STEPS_THAT_ARE_NO_EDIT && of_lane.others < STEPS_OF_A_LANE_THAT_ARE_NO_EDIT;
        room && (is_edit || room_for_others)
    }

    /// A report begins.
    pub fn take_report(&mut self) {
        self.reports += 1;
    }

    /// A report has ended.
    pub fn give_back_report(&mut self) {
        self.reports -= 1;
    }

    /// Whether there is room for a report.
    #[must_use]
    pub fn has_room_for_report(&self) -> bool {
        self.reports < REPORTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(slots: &mut Slots, class: Class, lane: &LaneId) -> usize {
        let mut taken = 0;
        while slots.has_room_for_step(class, lane) {
            slots.take_step(class, lane);
            taken += 1;
        }
        taken
    }

    #[test]
    fn at_most_64_at_a_time_and_an_edit_finds_room_whatever_else_goes_on() {
        let lanes = ["a", "b"].map(LaneId::of_region);
        let mut slots = Slots::default();
        let corrections: usize = lanes.iter().map(|lane| fill(&mut slots, Class::Correct, lane)).sum();
        let mut reports = 0;
        while slots.has_room_for_report() {
            slots.take_report();
            reports += 1;
        }
        assert_eq!((corrections, reports), (32, 24));
        assert!(slots.has_room_for_step(Class::Edit, &lanes[1]));
        let edits: usize = lanes.iter().map(|lane| fill(&mut slots, Class::Edit, lane)).sum();
        assert_eq!(corrections + reports + edits, 64);
    }

    #[test]
    fn a_lane_that_hangs_leaves_room_for_the_others() {
        let (hung, healthy) = (LaneId::of_region("hung"), LaneId::of_region("healthy"));
        let mut slots = Slots::default();
        fill(&mut slots, Class::Adopt, &hung);
        assert_eq!(fill(&mut slots, Class::Edit, &hung), 8);
        assert_eq!(fill(&mut slots, Class::Edit, &healthy), 16);
    }

    #[test]
    fn lanes_that_hang_leave_an_edit_and_another_step_to_each_other_lane() {
        let mut slots = Slots::default();
        for hung in ["a", "b", "c", "d"].map(LaneId::of_region) {
            fill(&mut slots, Class::Adopt, &hung);
            fill(&mut slots, Class::Edit, &hung);
        }
        let healthy = LaneId::of_region("healthy");
        assert_eq!((fill(&mut slots, Class::Adopt, &healthy), fill(&mut slots, Class::Edit, &healthy)), (1, 1));
    }

    #[test]
    fn what_has_ended_makes_room() {
        let lane = LaneId::of_region("a");
        let mut slots = Slots::default();
        for class in [Class::Adopt, Class::Edit] {
            fill(&mut slots, class, &lane);
            assert!(!slots.has_room_for_step(class, &lane));
            slots.give_back_step(class, &lane);
            assert!(slots.has_room_for_step(class, &lane), "{class:?}");
        }
    }
}
