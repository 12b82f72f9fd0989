//! The fleets of simulated agents that are running. What an agent does is in `agents`.

use tokio::task::AbortHandle;

#[derive(Debug)]
struct Fleet {
    account: String,
    agents: usize,
    task: AbortHandle,
}

/// The fleets that are running.
#[derive(Debug, Default)]
pub struct Fleets {
    running: Vec<Fleet>,
}

impl Fleets {
    /// Agents of this account that `task` has begun to play.
    pub fn add(&mut self, account: String, agents: usize, task: AbortHandle) {
        self.running.push(Fleet { account, agents, task });
    }

    pub fn count(&self, account: Option<&str>) -> usize {
        let of = |fleet: &&Fleet| account.is_none_or(|account| fleet.account == account);
        self.running.iter().filter(of).map(|fleet| fleet.agents).sum()
    }

    /// Ends the agents of this account, or all.
    pub fn end(&mut self, account: Option<&str>) {
        self.running.retain(|fleet| {
            let kept = account.is_some_and(|account| fleet.account != account);
            if !kept {
                fleet.task.abort();
            }
            kept
        });
    }
}

impl Drop for Fleets {
    fn drop(&mut self) {
        self.end(None);
    }
}
