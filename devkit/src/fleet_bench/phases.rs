//! The phases of one cell, one run of the operator after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use devkit::Error;
use devkit::operator::Operator;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::cell::{Measured, Shape};
use super::expected::Expected;
use super::fleet::{Fleet, Member, PARALLEL, REGIONS};
use super::floor;
use super::meter::{Closed, LIST, Meter, UPDATE, percentile};
use super::observer::{Observer, Seen};
use super::soak::{Use, soak};

/// So long that a run has one List of each region.
const ONCE: (&str, &str) = ("--poll-interval", "30m");
/// The default cap would pace a burst.
const LIFTED: (&str, &str) = ("--aws-calls-per-second", "10000");
/// What a busy operator may use more after a while.
const MOST_GROWTH: f64 = 1.05;
const MOST_LISTED_EACH_SECOND: usize = 5_000;
/// The edits of a phase.
const EDITS: usize = 500;
/// The groups that are changed in AWS, and ten times as many where there are.
const FLIPS: usize = 500;
/// Copies without a schema for the ratio of the two floors.
const COPIES: usize = 5_000;

/// One cell under measurement.
pub struct Run {
    pub fleet: Fleet,
    pub measured: Measured,
    meter: Meter,
    edited: usize,
}

impl Run {
    pub fn new(fleet: Fleet, measured: Measured) -> Self {
        Self { fleet, measured, meter: Meter::new(), edited: 0 }
    }

    /// All phases of a fleet.
    pub async fn fleet(&mut self) -> Result<(), Error> {
        let (all, pages) = (self.fleet.members.len(), self.measured.cell.pages());
        self.adopt(Expected { pages: Some(pages), updates: 0, status_writes: all, events: 0 }).await?;

        let operator = self.restart(pages).await?;
        self.edits("edits, one by one", &operator).await?;
        self.fleet.stop(operator).await?;

        // A larger fleet is never at rest between Lists that arrive so fast, and a phase ends at rest.
        if all <= MOST_LISTED_EACH_SECOND {
            let operator = self.start(&[("--poll-interval", "1s")]).await?;
            self.edits("edits, a List each second", &operator).await?;
            self.fleet.stop(operator).await?;
        }

        let operator = self.start(&[ONCE, LIFTED]).await?;
        self.burst(&operator).await?;
        self.fleet.stop(operator).await?;

        for interval in ["10s", "60s"] {
            let operator = self.start(&[("--poll-interval", interval)]).await?;
            self.flips(interval, FLIPS, &operator).await?;
            if all >= 10 * FLIPS {
                self.flips(interval, 10 * FLIPS, &operator).await?;
            }
            if interval == "60s" && self.measured.cell.rest_s > 0 {
                self.rest(&operator).await?;
            }
            self.fleet.stop(operator).await?;
        }
        self.floor().await
    }

    /// The phases of many resources on one group.
    pub async fn one_group(&mut self) -> Result<(), Error> {
        let all = self.fleet.members.len();
        self.adopt(Expected { pages: Some(1), updates: 0, status_writes: all, events: all - 1 }).await?;
        let operator = self.start(&[ONCE]).await?;
        let closed = self.meter.close("restart", &self.fleet, &operator).await?;
        self.judge(&closed, Expected { pages: Some(1), updates: 0, status_writes: 0, events: 0 });
        self.fleet.stop(operator).await
    }

    /// A fleet that is kept busy.
    pub async fn soak(&mut self, lasts: Duration) -> Result<(), Error> {
        self.fleet.report(&format!("churn for {}", humantime::format_duration(lasts)));
        let operator = self.start(&[]).await?;
        for Use { name, before, after } in soak(&self.fleet, &operator, lasts).await? {
            self.measured.figures.insert(format!("soak: {name}, first half after the warm-up_"), before);
            self.measured.figures.insert(format!("soak: {name}, second half_"), after);
            self.expect(after <= before * MOST_GROWTH, &format!("soak: {name} grew from {before} to {after}"));
        }
        self.fleet.stop(operator).await
    }

    async fn adopt(&mut self, expected: Expected) -> Result<(), Error> {
        self.fleet.report("cold adoption");
        let operator = self.start(&[ONCE]).await?;
        let all = self.fleet.members.len();
        let one_each = self.measured.cell.shape == Shape::OneEach;
        let adopted = |seen: &Seen| seen.is_in_sync() || (!one_each && seen.claimed);
        self.fleet.until(&operator, all, "adopted", |observer| observer.count(adopted)).await?;
        let closed = self.meter.close("cold adoption", &self.fleet, &operator).await?;
        self.judge(&closed, expected);
        self.fleet.stop(operator).await
    }

    /// Of a fleet in which one group was changed while no operator was there.
    async fn restart(&mut self, pages: usize) -> Result<Operator, Error> {
        self.fleet.report("restart");
        let Member { name, region, group } = self.fleet.members[self.fleet.members.len() / 2 + 5].clone();
        self.fleet.aws.put_group(region, &group, json!({ "profilingEnabled": false })).await?;
        let (listed, _) = floor::list(&self.fleet.resources).await?;
        self.figure("list_floor_s", listed);
        let operator = self.start(&[ONCE]).await?;
        let corrected = |observer: &Observer| usize::from(observer.of(&name).corrections == 1);
        self.fleet.until(&operator, 1, "corrected", corrected).await?;
        let closed = self.meter.close("restart", &self.fleet, &operator).await?;
        for (operation, figure) in [(LIST, "restart_to_first_list_s"), (UPDATE, "restart_to_first_update_s")] {
            let first = closed.times(operation).map(|(_, at)| at).min().unwrap_or(closed.process_began);
            self.figure(figure, since(closed.process_began, first));
        }
        self.judge(&closed, Expected { pages: Some(pages), updates: 1, status_writes: 1, events: 1 });
        Ok(operator)
    }

    /// Edits one after the other, as fast as the API server accepts them.
    async fn edits(&mut self, phase: &str, operator: &Operator) -> Result<(), Error> {
        self.fleet.report(phase);
        let before = self.meter.close("start", &self.fleet, operator).await?;
        self.expect(before.cost.status_writes == 0, "a start: statuses were written");
        let mut accepted = Vec::new();
        for member in self.next_edits() {
            accepted.push(self.edit(member).await?);
        }
        let closed = self.edited(phase, &accepted, operator).await?;
        let calls: BTreeMap<_, _> = closed
            .times(UPDATE)
            .filter_map(|(call, at)| Some(((call.region.clone()?, call.group.clone()?), at)))
            .collect();
        let call_of = |edit: &Edit| calls.get(&(edit.member.region.to_owned(), edit.member.group.clone())).copied();
        let mut to_call: Vec<_> =
            accepted.iter().filter_map(|edit| Some(since(edit.accepted, call_of(edit)?))).collect();
        let mut to_ready: Vec<_> = accepted
            .iter()
            .filter_map(|edit| Some(since(edit.accepted, self.fleet.observer.of(&edit.member.name).in_sync?.1)))
            .collect();
        let mut to_frame: Vec<_> = accepted
            .iter()
            .filter_map(|edit| Some(since(edit.accepted, self.fleet.observer.of(&edit.member.name).edited?)))
            .collect();
        for (name, times) in
            [("call", &mut to_call), ("ready", &mut to_ready), ("frame of a plain watch", &mut to_frame)]
        {
            for p in [50, 99] {
                let time = percentile(times, p);
                self.measured.figures.insert(format!("{phase}: to {name}, p{p}_ms"), time.as_secs_f64() * 1e3);
            }
        }
        Ok(())
    }

    /// As many edits at once.
    async fn burst(&mut self, operator: &Operator) -> Result<(), Error> {
        let phase = "edits, at once";
        self.fleet.report(phase);
        self.meter.close("start", &self.fleet, operator).await?;
        let members = self.next_edits();
        let edits = stream::iter(members).map(|member| self.edit(member)).buffer_unordered(PARALLEL);
        let accepted: Vec<_> = edits.try_collect().await?;
        let closed = self.edited(phase, &accepted, operator).await?;
        let last_accepted = accepted.iter().map(|edit| edit.accepted).max().unwrap_or(SystemTime::UNIX_EPOCH);
        let last_seen = accepted.iter().filter_map(|edit| self.fleet.observer.of(&edit.member.name).edited).max();
        let last_call = closed.times(UPDATE).map(|(_, at)| at).max();
        for (what, last) in [("call", last_call), ("frame of a plain watch", last_seen)] {
            let late = since(last_accepted, last.unwrap_or(SystemTime::UNIX_EPOCH)).as_secs_f64() * 1e3;
            self.measured.figures.insert(format!("burst: last accepted edit to last {what}_ms"), late);
        }
        Ok(())
    }

    /// The next part of the fleet, so that each edit is one of a resource that was left alone before.
    fn next_edits(&mut self) -> Vec<Member> {
        let count = EDITS.min(self.fleet.members.len());
        let first = self.edited;
        self.edited += count;
        let all = self.fleet.members.iter().cycle().skip(first % self.fleet.members.len());
        all.take(count).cloned().collect()
    }

    async fn edit(&self, member: Member) -> Result<Edit, Error> {
        let generation = self.fleet.edit(&member).await?;
        Ok(Edit { member, generation, accepted: SystemTime::now() })
    }

    async fn edited(&mut self, phase: &str, edits: &[Edit], operator: &Operator) -> Result<Closed, Error> {
        let served = |observer: &Observer| {
            let in_sync = |edit: &&Edit| observer.of(&edit.member.name).in_sync.map(|(generation, _)| generation);
            edits.iter().filter(|edit| in_sync(edit) == Some(edit.generation)).count()
        };
        self.fleet.until(operator, edits.len(), "served", served).await?;
        let closed = self.meter.close(phase, &self.fleet, operator).await?;
        let count = edits.len();
        self.judge(&closed, Expected { pages: None, updates: count, status_writes: count, events: count });
        Ok(closed)
    }

    /// So many groups are changed in AWS, or the whole regions that have as many: at first the one half of the regions and
    /// then the other, because the fourth correction of a group within ten minutes is slowed down.
    async fn flips(&mut self, interval: &str, at_least: usize, operator: &Operator) -> Result<(), Error> {
        let per_region = self.fleet.members.len() / REGIONS.len();
        let regions = at_least.div_ceil(per_region).min(REGIONS.len());
        let regions = if interval == "10s" { &REGIONS[..regions] } else { &REGIONS[REGIONS.len() - regions..] };
        let count = regions.len() * per_region;
        let phase = format!("{count} flips, a List each {interval}");
        self.fleet.report(&phase);
        self.meter.close("start", &self.fleet, operator).await?;
        let before = self.fleet.observer.corrections();
        let began = Instant::now();
        for region in regions {
            self.fleet.aws.flip_all(region).await?;
        }
        let corrected = |observer: &Observer| observer.corrections() - before;
        self.fleet.until(operator, count, "corrected", corrected).await?;
        self.figure(&format!("{phase}: to the last correction_s"), began.elapsed());
        let closed = self.meter.close(&phase, &self.fleet, operator).await?;
        self.judge(&closed, Expected { pages: None, updates: count, status_writes: count, events: count });
        Ok(())
    }

    /// Nothing happens.
    async fn rest(&mut self, operator: &Operator) -> Result<(), Error> {
        let duration = Duration::from_secs(self.measured.cell.rest_s);
        self.fleet.report(&format!("rest for {}", humantime::format_duration(duration)));
        self.meter.close("start", &self.fleet, operator).await?;
        tokio::time::sleep(duration).await;
        let closed = self.meter.close("rest", &self.fleet, operator).await?;
        let lists = closed.cost.calls(LIST).checked_div(self.measured.cell.pages()).unwrap_or_default();
        let evaluated = (lists * self.fleet.members.len()).max(1);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = closed.cost.cpu * 1e6 / evaluated as f64;
        self.measured.figures.insert("rest: cpu for an object and a List_us".to_owned(), each);
        self.judge(&closed, Expected { pages: None, updates: 0, status_writes: 0, events: 0 });
        Ok(())
    }

    async fn floor(&mut self) -> Result<(), Error> {
        self.fleet.report("the floor of status writes");
        let (_, objects) = floor::list(&self.fleet.resources).await?;
        let copies: Vec<_> = objects.iter().take(COPIES).cloned().collect();
        let ours = floor::status_writes(&self.fleet.resources, objects).await?;
        self.figure("status_floor_s", ours);
        let of_copies = floor::schemaless_status_writes(&self.fleet, &copies).await?;
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_copy = of_copies.as_secs_f64() / copies.len() as f64;
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_object = ours.as_secs_f64() / self.fleet.members.len() as f64;
        self.measured.figures.insert("schema_ratio".to_owned(), per_object / per_copy);
        Ok(())
    }

    async fn start(&mut self, flags: &[(&str, &str)]) -> Result<Operator, Error> {
        self.meter.new_process();
        self.fleet.start(flags).await
    }

    fn figure(&mut self, name: &str, time: Duration) {
        self.measured.figures.insert(name.to_owned(), time.as_secs_f64());
    }

    fn expect(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.measured.deviations.push(otherwise.to_owned());
        }
    }

    fn judge(&mut self, closed: &Closed, expected: Expected) {
        self.measured.deviations.extend(expected.deviations(&closed.cost));
        self.measured.phases.push(closed.cost.clone());
    }
}

/// One edit that the API server has accepted.
struct Edit {
    member: Member,
    generation: i64,
    accepted: SystemTime,
}

/// How much later; zero when it was earlier.
fn since(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}
