//! Which of several processes leads: the rules of client-go's leader election over one record that they share. Pure: the
//! caller reads and writes the record, and reads the clock.

use std::time::Duration;

use super::moment::Moment;

/// A pause after a failed attempt is up to this much longer, by chance, so that candidates do not try in step.
const JITTER: f64 = 0.2;

/// The times that candidates agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// How long an unchanged record keeps others from leading (`leaseDurationSeconds`).
    pub lease: Duration,
    /// How long a leader that can't renew the record still counts as leading.
    pub renew_deadline: Duration,
    /// The time between two attempts.
    pub retry: Duration,
}

impl Terms {
    /// The longest call that a leader still starts after one renewal has failed: it ends before another may lead.
    #[must_use]
    pub fn longest_call(&self) -> Duration {
        self.lease.saturating_sub(self.retry * 2)
    }

    /// How long one request about the record may take: a slow one leaves time for a second.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

/// The record, as a `Lease` has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// `metadata.resourceVersion`: greater with every change.
    pub version: u64,
    /// `spec.holderIdentity`; `None` when it was released.
    pub holder: Option<String>,
    /// `spec.leaseDurationSeconds`: what its holder counts on.
    pub lease: Duration,
}

/// What a candidate does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the record.
    Read,
    /// Create the record, with itself as the holder.
    Create,
    /// Replace the known version of the record: become the holder, or renew.
    Replace,
    /// Nothing until then, unless the record changes.
    Wait(Moment),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Known {
    Absent,
    /// And since when it has been unchanged, as far as this candidate knows.
    Present(Record, Moment),
}

/// One candidate.
///
/// # Guarantees
/// Of the candidates of one record, at most one is [granted](Self::granted_until) at a time, whatever their wall clocks
/// show and however late answers arrive: another one replaces the record only after it has seen it unchanged for the
/// whole lease, by its own monotonic clock, and the grant counts from before the request that changed it last was sent.
///
/// # Assumptions
/// Monotonic clocks run at the same rate, the API server refuses to replace a version that is not the newest, and nobody
/// deletes the record by hand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Election {
    me: String,
    terms: Terms,
    known: Known,
    /// Whether the record may be another one than is known: nothing was read yet, or an attempt had no answer.
    in_doubt: bool,
    /// When the request of the last successful renewal began.
    renewed: Option<Moment>,
    next_attempt: Moment,
    lost: bool,
}

impl Election {
    /// A candidate that knows nothing yet. `me` must be unique among all processes, former ones as well.
    #[must_use]
    pub fn new(me: String, terms: Terms) -> Self {
        let next_attempt = Moment::default();
        Self { me, terms, known: Known::Absent, in_doubt: true, renewed: None, next_attempt, lost: false }
    }

    /// What to do now.
    #[must_use]
    pub fn next(&self, now: Moment) -> Step {
        let attempt = |step| if now < self.next_attempt { Step::Wait(self.next_attempt) } else { step };
        match &self.known {
            _ if self.in_doubt => attempt(Step::Read),
            Known::Absent => attempt(Step::Create),
            Known::Present(record, since) => match &record.holder {
                Some(holder) if *holder != self.me => {
                    // One millisecond more: moments are rounded down.
                    let ends = since.plus(self.terms.lease.max(record.lease) + Duration::from_millis(1));
                    if now < ends { Step::Wait(ends) } else { Step::Replace }
                }
                Some(_) => attempt(Step::Replace),
                None => Step::Replace,
            },
        }
    }

    /// The record was read, or the watch has reported it; `None` when there is none. Returns false when it is older than
    /// what is known.
    pub fn observe(&mut self, record: Option<Record>, now: Moment) -> bool {
        self.in_doubt = false;
        let mine = record.as_ref().and_then(|record| record.holder.as_ref()) == Some(&self.me);
        let known = match (record, &self.known) {
            (Some(read), Known::Present(known, _)) if read.version < known.version => return false,
            (Some(read), Known::Present(known, since)) if read.version == known.version => Known::Present(read, *since),
            (Some(read), _) => Known::Present(read, now),
            (None, _) => Known::Absent,
        };
        self.lost |= self.renewed.is_some() && !mine;
        self.known = known;
        true
    }

    /// The record was created or replaced, by a request that began at `began`: this candidate is its holder.
    pub fn won(&mut self, version: u64, began: Moment, now: Moment) {
        let holder = Some(self.me.clone());
        self.known = Known::Present(Record { version, holder, lease: self.terms.lease }, now);
        self.in_doubt = false;
        self.renewed = Some(began);
        self.next_attempt = now.plus(self.terms.retry);
    }

    /// Someone else has changed the record before, or the watch of it has ended.
    pub fn doubt(&mut self) {
        self.in_doubt = true;
    }

    /// An attempt had no answer, or a failure for one. `chance` is from 0 to 1.
    pub fn failed(&mut self, now: Moment, chance: f64) {
        self.in_doubt = true;
        self.next_attempt = now.plus(self.terms.retry.mul_f64(1.0 + JITTER * chance));
    }

    /// Until when this candidate may act, if it has ever led: no other one leads before.
    #[must_use]
    pub fn granted_until(&self) -> Option<Moment> {
        self.renewed.map(|began| began.plus(self.terms.lease))
    }

    /// Whether this candidate counts as the leader.
    #[must_use]
    pub fn leads(&self, now: Moment) -> bool {
        !self.lost && self.renewed.is_some_and(|began| now.since(began) < self.terms.renew_deadline)
    }

    /// Whether this candidate has led, and another one has led since or may lead: it must never act again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// The version of the record that this candidate holds.
    #[must_use]
    pub fn held(&self) -> Option<u64> {
        match &self.known {
            Known::Present(record, _) if record.holder.as_ref() == Some(&self.me) => Some(record.version),
            _ => None,
        }
    }

    /// Who holds the record, as far as is known.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        match &self.known {
            Known::Present(record, _) => record.holder.as_deref(),
            Known::Absent => None,
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
