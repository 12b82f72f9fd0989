//! Whether an event reports something new: a transition that the process has reported in a status. Pure bookkeeping.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::condition;

/// An event may come this many transitions late.
const MOST_OPEN: usize = 4;

/// A process, the object by `namespace/name`, and a kind of event.
type About = (u64, String, &'static str);

/// What each process has reported, by process, uid and type of condition.
#[derive(Default)]
pub struct News {
    /// The status and reason that it wrote last. The first is news: it can't know what was there before.
    written: BTreeMap<(u64, String, &'static str), (String, String)>,
    /// The transitions that it has not reported in an event.
    open: BTreeMap<About, VecDeque<(String, String)>>,
}

impl News {
    /// A status of a process was stored.
    pub fn status_written(&mut self, process: u64, object: &Value) {
        for kind in ["Ready", "Synced", "AgentsReporting"] {
            let Some(condition) = condition(object, kind) else { continue };
            let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
            let about = (process, text(&object["metadata"]["uid"]), kind);
            let now = (text(&condition["status"]), text(&condition["reason"]));
            if self.written.insert(about.clone(), now.clone()).is_none_or(|was| was != now) {
                let open = self.open.entry(about).or_default();
                open.push_back(now);
                if open.len() > MOST_OPEN {
                    open.pop_front();
                }
            }
        }
    }

    /// A process creates an event. It must report a transition that none has reported.
    pub fn event(&mut self, process: u64, event: &Value) -> Result<(), String> {
        let kind = match event["action"].as_str() {
            Some("Reconcile") if event["reason"] == "NotCreatedHere" => "Synced",
            Some("Reconcile") => "Ready",
            Some("Observe") => "AgentsReporting",
            _ => return Ok(()),
        };
        let (about, news) = (&event["regarding"], event["reason"].as_str().unwrap_or_default());
        let uid = about["uid"].as_str().unwrap_or_default().to_owned();
        let open = self.open.entry((process, uid, kind)).or_default();
        let reports = |(status, reason): &(String, String)| match news {
            "Recovered" | "Resumed" => status == "True",
            _ => reason == news,
        };
        let reported = open.iter().position(reports).and_then(|index| open.remove(index));
        let again = || format!("an event reports {news} of {} again, though nothing has changed", about["name"]);
        reported.map(drop).ok_or_else(again)
    }
}
