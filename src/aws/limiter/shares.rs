//! Whose turn it is, by class: the most urgent first, but none is passed over for ever. Pure.

use std::collections::BTreeSet;

/// What a call about a group is for, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Write a user's edit.
    Edit,
    /// Write to a group that this resource has never reported on.
    Adopt,
    /// Correct drift.
    Correct,
    /// Read one group: what Lists leave out.
    Describe,
    /// Read what no List has of one group, for a resource that manages it.
    Details,
}

impl Class {
    /// Every class, most urgent first.
    pub const ALL: [Self; 5] = [Self::Edit, Self::Adopt, Self::Correct, Self::Describe, Self::Details];

    /// The label of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Adopt => "adoption",
            Self::Correct => "correction",
            Self::Describe => "describe",
            Self::Details => "details",
        }
    }

    /// After being passed over so many times, the class is next.
    fn most_passes(self) -> u32 {
        match self {
            Self::Edit => 1,
            Self::Adopt => 3,
            Self::Correct => 7,
            Self::Describe => 15,
            Self::Details => 31,
        }
    }
}

/// How many times each class was passed over since its last turn.
#[derive(Clone, Debug, Default)]
pub struct Shares([u32; Class::ALL.len()]);

impl Shares {
    /// The next one of the classes that wait; counts the others as passed over.
    pub fn next(&mut self, waiting: &BTreeSet<Class>) -> Option<Class> {
        let due = waiting.iter().find(|class| self.0[**class as usize] >= class.most_passes());
        let next = *due.or(waiting.first())?;
        for class in Class::ALL {
            let passed = &mut self.0[class as usize];
            *passed = if class != next && waiting.contains(&class) { *passed + 1 } else { 0 };
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(waiting: &[Class], number: usize) -> Vec<Class> {
        let mut shares = Shares::default();
        let waiting = waiting.iter().copied().collect();
        (0..number).map(|_| shares.next(&waiting).unwrap()).collect()
    }

    #[test]
    fn the_most_urgent_goes_first_and_each_other_class_has_its_share() {
        use Class::{Adopt, Correct, Describe, Details, Edit};
        assert_eq!(turns(&[Correct], 3), [Correct; 3]);
        assert_eq!(turns(&[Edit, Adopt], 8), [Edit, Edit, Edit, Adopt, Edit, Edit, Edit, Adopt]);
        assert_eq!(turns(&[Adopt, Correct], 9)[7..], [Correct, Adopt]);
        for (class, least) in [(Edit, 50), (Adopt, 20), (Correct, 10), (Describe, 5), (Details, 2)] {
            let turns = turns(&Class::ALL, 100);
            let share = turns.iter().filter(|turn| **turn == class).count();
            assert!(share >= least, "{class:?} has {share} of 100: {turns:?}");
        }
    }

    #[test]
    fn a_class_that_has_not_waited_was_not_passed_over() {
        let mut shares = Shares::default();
        let edits = [Class::Edit].into();
        for _ in 0..100 {
            shares.next(&edits);
        }
        assert_eq!(shares.next(&[Class::Edit, Class::Adopt].into()), Some(Class::Edit));
    }

    #[test]
    fn nothing_waits_for_nothing() {
        assert_eq!(Shares::default().next(&BTreeSet::new()), None);
    }
}
