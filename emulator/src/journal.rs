//! The record of every request, in the order of arrival. Bounded: the oldest entries go first. A file may have them all.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::moment::Stamp;

const KEPT: usize = 200_000;

/// What clients sent takes at most so much memory, in bytes: large entries push out more of the old ones.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// What is known of a request when it arrives.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    pub started_at: Stamp,
    pub account: Option<String>,
    /// As claimed.
    pub access_key: Option<String>,
    pub region: Option<String>,
    pub operation: Option<&'static str>,
    pub group: Option<String>,
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    pub query: Option<String>,
    pub request_id: String,
    pub user_agent: Option<String>,
    /// As text: a tree of values takes ten times the memory.
    pub request: Option<Box<RawValue>>,
    /// A fault answers, not the service.
    pub fault: bool,
}

impl Arrival {
    /// The bytes of what the client chose.
    fn bytes(&self) -> usize {
        let Self { access_key, region, group, path, query, user_agent, request, .. } = self;
        let optional =
            [access_key, region, group, query, user_agent].into_iter().flatten().map(String::len).sum::<usize>();
        path.len() + optional + request.as_ref().map_or(0, |request| request.get().len())
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    seq: u64,
    #[serde(flatten)]
    arrival: Arrival,
    /// Null while there is no answer.
    ended_at: Option<Stamp>,
    /// 0 until the answer, and when the connection was dropped instead.
    http_status: u16,
    error_code: Option<String>,
}

/// Which entries are requested; absent members match all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    account: Option<String>,
    region: Option<String>,
    operation: Option<String>,
    group: Option<String>,
    since_seq: Option<String>,
}

/// `sinceSeq` is no number.
#[derive(Debug, thiserror::Error)]
#[error("sinceSeq must be a number")]
pub struct BadSeq;

impl Filter {
    /// The first number that can match: the one after `sinceSeq`.
    fn first(&self) -> Result<u64, BadSeq> {
        match &self.since_seq {
            Some(text) => text.parse().map(|seq: u64| seq.saturating_add(1)).map_err(|_| BadSeq),
            None => Ok(0),
        }
    }

    fn matches(&self, entry: &Entry) -> bool {
        let Self { account, region, operation, group, since_seq: _ } = self;
        let same = |wanted: &Option<String>, actual: Option<&str>| wanted.is_none() || wanted.as_deref() == actual;
        same(account, entry.arrival.account.as_deref())
            && same(region, entry.arrival.region.as_deref())
            && same(operation, entry.arrival.operation)
            && same(group, entry.arrival.group.as_deref())
    }
}

#[derive(Debug, Default)]
pub struct Journal {
    /// Numbers ascend, with gaps where entries were cleared.
    entries: VecDeque<Entry>,
    last_seq: u64,
    /// Of all entries together.
    bytes: usize,
    /// Where each entry goes as a line of JSON once it has ended.
    lines: Option<File>,
    /// Cleared or pushed out while their requests run: the file gets them yet.
    gone: BTreeMap<u64, Entry>,
}

impl Journal {
    /// A journal that is written to this file too.
    pub fn written_to(lines: File) -> Self {
        Self { lines: Some(lines), ..Self::default() }
    }

    pub fn begin(&mut self, arrival: Arrival) -> u64 {
        self.last_seq += 1;
        self.bytes += arrival.bytes();
        self.entries.push_back(Entry { seq: self.last_seq, arrival, ended_at: None, http_status: 0, error_code: None });
        while (self.entries.len() > KEPT || self.bytes > KEPT_BYTES)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.arrival.bytes();
            self.part_with(oldest);
        }
        self.last_seq
    }

    /// An entry that was cleared meanwhile only goes to the file.
    pub fn end(&mut self, seq: u64, at: Stamp, http_status: u16, error_code: Option<String>) {
        let mut gone = self.gone.remove(&seq);
        let kept = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok();
        let Some(entry) = kept.map(|index| &mut self.entries[index]).or(gone.as_mut()) else { return };
        entry.ended_at = Some(at);
        entry.http_status = http_status;
        entry.error_code = error_code;
        if let Some(file) = &mut self.lines
            && let Err(error) = write_line(file, entry)
        {
            tracing::warn!(%error, "cannot write the journal");
        }
    }

    fn part_with(&mut self, entry: Entry) {
        if self.lines.is_some() && entry.ended_at.is_none() {
            self.gone.insert(entry.seq, entry);
        }
    }

    /// The matching entries after `sinceSeq`, oldest first.
    pub fn entries(&self, filter: &Filter) -> Result<Vec<Entry>, BadSeq> {
        let first = filter.first()?;
        let start = self.entries.partition_point(|entry| entry.seq < first);
        Ok(self.entries.range(start..).filter(|entry| filter.matches(entry)).cloned().collect())
    }

    /// How often each operation was called. Requests that are no operation count for none.
    pub fn counts(&self, filter: &Filter) -> Result<BTreeMap<&'static str, u64>, BadSeq> {
        let first = filter.first()?;
        let start = self.entries.partition_point(|entry| entry.seq < first);
        let mut counts = BTreeMap::new();
        for entry in self.entries.range(start..).filter(|entry| filter.matches(entry)) {
            if let Some(operation) = entry.arrival.operation {
                *counts.entry(operation).or_default() += 1;
            }
        }
        Ok(counts)
    }

    pub fn clear(&mut self, account: Option<&str>) {
        let (kept, cleared): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| account.is_some() && entry.arrival.account.as_deref() != account);
        self.entries = kept;
        for entry in cleared {
            self.part_with(entry);
        }
        self.bytes = self.entries.iter().map(|entry| entry.arrival.bytes()).sum();
    }
}

/// In one write, so that no reader sees half a line.
fn write_line(file: &mut File, entry: &Entry) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;

    fn arrival(account: &str, operation: &'static str) -> Arrival {
        Arrival {
            started_at: Clock::system().now().stamp,
            account: Some(account.into()),
            access_key: None,
            region: Some("r".into()),
            operation: Some(operation),
            group: None,
            method: "GET".into(),
            path: "/".into(),
            query: None,
            request_id: "id".into(),
            user_agent: None,
            request: None,
            fault: false,
        }
    }

    fn filter(value: Value) -> Filter {
        serde_json::from_value(value).unwrap()
    }

    fn seqs(journal: &Journal, wanted: Value) -> Vec<u64> {
        journal.entries(&filter(wanted)).unwrap().iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn filters_combine() {
        let mut journal = Journal::default();
        for (account, operation) in [("1", "A"), ("1", "B"), ("2", "A"), ("1", "A")] {
            journal.begin(arrival(account, operation));
        }
        assert_eq!(seqs(&journal, json!({"account": "1", "operation": "A"})), [1, 4]);
        assert_eq!(seqs(&journal, json!({"account": "1", "sinceSeq": "1"})), [2, 4]);
        assert_eq!(seqs(&journal, json!({"group": "g"})), [] as [u64; 0]);
        assert_eq!(journal.counts(&filter(json!({"account": "1"}))).unwrap(), BTreeMap::from([("A", 2), ("B", 1)]));
        assert!(journal.entries(&filter(json!({"sinceSeq": "x"}))).is_err());
    }

    #[test]
    fn an_entry_has_no_end_until_its_answer() {
        let mut journal = Journal::default();
        let seq = journal.begin(arrival("1", "A"));
        assert_eq!(journal.entries[0].ended_at, None);
        let now = Clock::system().now().stamp;
        journal.end(seq, now, 429, Some("ThrottlingException".into()));
        assert_eq!((journal.entries[0].ended_at, journal.entries[0].http_status), (Some(now), 429));
    }

    #[test]
    fn clearing_one_account_leaves_the_others_and_the_numbering() {
        let mut journal = Journal::default();
        journal.begin(arrival("1", "A"));
        let cleared = journal.begin(arrival("2", "A"));
        journal.begin(arrival("1", "A"));
        journal.clear(Some("2"));
        journal.end(cleared, Clock::system().now().stamp, 200, None);
        assert_eq!(seqs(&journal, json!({})), [1, 3]);
        assert!(journal.entries.iter().all(|entry| entry.ended_at.is_none()));
        journal.clear(None);
        assert_eq!(journal.begin(arrival("1", "A")), 4);
    }

    #[test]
    fn an_entry_that_goes_while_its_request_runs_is_in_the_file_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::written_to(File::create(&path).unwrap());
        let cleared = journal.begin(arrival("1", "A"));
        journal.clear(None);
        let pushed_out = journal.begin(arrival("1", "B"));
        for _ in 0..KEPT {
            journal.begin(arrival("1", "C"));
        }
        for seq in [cleared, pushed_out] {
            journal.end(seq, Clock::system().now().stamp, 200, None);
        }
        let lines = std::fs::read_to_string(&path).unwrap();
        let written = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        assert_eq!(written.map(|entry: Value| entry["operation"].clone()).collect::<Vec<_>>(), ["A", "B"]);
        assert!(journal.gone.is_empty());
    }

    #[test]
    fn of_large_entries_fewer_are_kept() {
        let mut journal = Journal::default();
        for _ in 0..300 {
            journal.begin(Arrival { path: "p".repeat(1024 * 1024), ..arrival("1", "A") });
        }
        let kept = journal.entries.len();
        assert!((250..=256).contains(&kept), "{kept}");
        journal.clear(Some("1"));
        assert_eq!(journal.bytes, 0);
    }

    #[test]
    fn only_so_many_entries_are_kept() {
        let mut journal = Journal::default();
        for _ in 0..=KEPT {
            journal.begin(arrival("1", "A"));
        }
        assert_eq!((journal.entries.len(), journal.entries[0].seq), (KEPT, 2));
    }
}
