//! All lanes: made when the first object asks for a region, and polled while objects do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio_util::sync::CancellationToken;

use super::{
    lane::{Lane, LaneSettings},
    service::ProfilerService,
};
use crate::process::{lock::lock, system::System};

/// Makes the client of one region.
pub type Connect = Box<dyn Fn(&str) -> Arc<dyn ProfilerService> + Send + Sync>;
/// Is told the region of a lane that has news.
pub type News = Arc<dyn Fn(&str) + Send + Sync>;

/// The lanes of one identity, by region.
pub struct Lanes {
    connect: Connect,
    settings: LaneSettings,
    news: News,
    stop: CancellationToken,
    system: System,
    by_region: Mutex<HashMap<String, Arc<Lane>>>,
}

impl Lanes {
    /// No lane yet. All of them end with `stop`.
    #[must_use]
    pub fn new(connect: Connect, settings: LaneSettings, news: News, stop: CancellationToken, system: System) -> Self {
        Self { connect, settings, news, stop, system, by_region: Mutex::default() }
    }

    /// The lane of `region`.
    #[must_use]
    pub fn get(&self, region: &str) -> Arc<Lane> {
        let mut lanes = lock(&self.by_region);
        if let Some(lane) = lanes.get(region) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(region, (self.connect)(region), self.settings, self.system.clone()));
        let (news, named) = (Arc::clone(&self.news), region.to_owned());
        self.system.spawn(Arc::clone(&lane).poll(move || news(&named), self.stop.clone()));
        lanes.insert(region.into(), Arc::clone(&lane));
        lane
    }

    /// Every lane there is.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Lane>> {
        lock(&self.by_region).values().cloned().collect()
    }
}
