//! The two ports without a network: requests and answers as values.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::identity::AccessKey;
use crate::ids::Ids;
use crate::journal::Journal;
use crate::ports::{admin, service};
use crate::world::World;

/// An emulator that is called directly, for programs that make requests faster than a network carries them, or under a clock of their own.
/// Clones share their groups.
///
/// Its waits, such as those that faults order, are tokio's: a runtime with time is needed, which may be paused.
#[derive(Clone, Debug)]
pub struct Offline {
    world: Arc<World>,
}

impl Offline {
    /// An emulator without any groups that knows these keys; without any, everyone.
    #[must_use]
    pub fn new(access_keys: Vec<AccessKey>) -> Self {
        Self::of(access_keys, Clock::system(), Ids::random())
    }

    /// The same where the answers follow from the requests, the time and the seed alone. `time` reads the time of day, and how much time
    /// has passed since the start, which must not decrease.
    #[must_use]
    pub fn simulated(
        access_keys: Vec<AccessKey>,
        time: impl Fn() -> (Timestamp, Duration) + Send + Sync + 'static,
        seed: u64,
    ) -> Self {
        Self::of(access_keys, Clock::new(time), Ids::new(seed))
    }

    fn of(access_keys: Vec<AccessKey>, clock: Clock, ids: Ids) -> Self {
        Self { world: Arc::new(World::new(access_keys, Journal::default(), clock, ids)) }
    }

    /// What the service answers; none when the connection breaks off before the whole answer is there.
    ///
    /// Works on the caller's task alone. A caller that drops the future gives up the request with its answer: to lose only the answer,
    /// spawn the future and leave it, as a network would.
    pub async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let answer = service::answer_here(Arc::clone(&self.world), request).await.ok()?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Response::from_parts(parts, body))
    }

    /// What the admin port answers.
    pub fn admin(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        admin::respond(&self.world, &parts, &body)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "111122223333";

    /// Every reading is three milliseconds after the last one.
    fn ticking() -> impl Fn() -> (Timestamp, Duration) + Send + Sync {
        let readings = AtomicU64::new(0);
        move || {
            let passed = Duration::from_millis(3 * readings.fetch_add(1, Ordering::Relaxed));
            (Timestamp::from_second(1_800_000_000).unwrap() + passed, passed)
        }
    }

    fn request(method: &str, target: &str, service: &str, body: String) -> Request<Bytes> {
        let scope = format!("20260101/eu-west-1/{service}/aws4_request");
        let claim = format!("AWS4-HMAC-SHA256 Credential=AKIA{ACCOUNT}/{scope}, SignedHeaders=host, Signature=0");
        Request::builder().method(method).uri(target).header("authorization", claim).body(Bytes::from(body)).unwrap()
    }

    fn of_profiler(method: &str, target: &str, body: &Value) -> Request<Bytes> {
        request(method, target, "codeguru-profiler", if body.is_null() { String::new() } else { body.to_string() })
    }

    /// All of an answer as text.
    fn shown(answer: &Response<Bytes>) -> String {
        format!("{} {:?} {:?}", answer.status(), answer.headers(), answer.body())
    }

    async fn answered(emulator: &Offline, request: Request<Bytes>) -> String {
        emulator.answer(request).await.as_ref().map_or_else(|| "reset".to_owned(), shown)
    }

    fn administered(emulator: &Offline, method: &str, target: &str, body: &Value) -> String {
        shown(&emulator.admin(of_profiler(method, target, body)))
    }

    /// Everything that has an id, a time or an order in it.
    async fn conversation(emulator: &Offline) -> Vec<String> {
        let mut answers = Vec::new();
        let limits: BTreeMap<_, _> = (0..9).map(|n| (format!("Operation{n}"), json!({"perSecond": n}))).collect();
        for (method, target, body) in [
            ("PUT", "/groups/111122223333/eu-west-1/b", json!({"profilingEnabled": true})),
            ("PUT", "/settings", json!({"pageSize": 1, "readLagMs": 5})),
            ("PUT", "/limits/111122223333", json!(limits)),
            ("GET", "/limits/111122223333", Value::Null),
            ("POST", "/faults", json!({"count": 1, "delayMs": 60_000, "effect": {"type": "delay"}})),
        ] {
            answers.push(administered(emulator, method, target, &body));
        }
        let group = json!({"profilingGroupName": "a", "tags": {"team": "x", "stage": "y"}});
        let permission = json!({"principals": ["arn:aws:iam::111122223333:role/r"]});
        let channel = json!({"uri": "arn:aws:sns:eu-west-1:1:t", "eventPublishers": ["AnomalyDetection"]});
        for (method, target, body) in [
            ("POST", "/profilingGroups?clientToken=t", group),
            ("GET", "/profilingGroups?includeDescription=true", Value::Null),
            ("PUT", "/profilingGroups/a/policy/agentPermissions", permission),
            ("POST", "/profilingGroups/a/notificationConfiguration", json!({"channels": [channel]})),
            ("GET", "/nowhere", Value::Null),
        ] {
            answers.push(answered(emulator, of_profiler(method, target, &body)).await);
        }
        let role =
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=session&RoleArn=arn:aws:iam::111122223333:role/r";
        answers.push(answered(emulator, request("POST", "/", "sts", role.to_owned())).await);
        answers.push(administered(emulator, "GET", "/journal", &Value::Null));
        answers
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_and_times_give_the_same_answers_to_the_byte() {
        let first = conversation(&Offline::simulated(Vec::new(), ticking(), 7)).await;
        assert_eq!(first, conversation(&Offline::simulated(Vec::new(), ticking(), 7)).await);
        let failed: Vec<_> = first.iter().filter(|answer| !answer.starts_with('2')).collect();
        assert!(matches!(failed.as_slice(), [unknown] if unknown.contains("UnknownOperation")), "{failed:#?}");

        let other_seed = conversation(&Offline::simulated(Vec::new(), ticking(), 8)).await;
        let other_time = {
            let time = ticking();
            let later = move || {
                let (stamp, tick) = time();
                (stamp + Duration::from_secs(1), tick)
            };
            conversation(&Offline::simulated(Vec::new(), later, 7)).await
        };
        for other in [other_seed, other_time] {
            assert!(first.iter().zip(&other).skip(5).all(|(one, other)| one != other), "{other:#?}");
        }
    }
}
