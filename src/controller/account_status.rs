//! Reports the status of ProfilerAccounts. Calls the API server.

use std::{sync::Arc, time::Duration};

use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{account_watch::applied, memory::accounts::AccountReport, shell::Shell};
use crate::{
    api::ProfilerAccount,
    domain::account_status::is_worth_a_write,
    process::{error_chain::error_chain, kube_client::in_time},
};

/// News is collected for this long, and a status is written no more often.
const GATHERING: Duration = Duration::from_secs(2);

/// Writes the statuses that differ, whenever this process leads, for ever.
pub async fn report_accounts(shell: Arc<Shell>) {
    if !shell.settings.accounts {
        return std::future::pending().await;
    }
    loop {
        let regularly = shell.settings.status_refresh;
        drop(timeout(regularly, shell.accounts_changed.notified()).await);
        sleep(GATHERING).await;
        // Before this process acts, it does not know who uses an account.
        if !shell.triggers.is_open() {
            shell.accounts_changed.notify_one();
            continue;
        }
        let now = shell.now().wall;
        for report in shell.account_reports() {
            if is_worth_a_write(&report.next, &report.stored, shell.settings.status_refresh, now) {
                write(&shell, report).await;
            }
        }
    }
}

/// A write that fails is tried again with what is known then.
async fn write(shell: &Shell, AccountReport { name, uid, version, next, .. }: AccountReport) {
    let resource = ApiResource::erase::<ProfilerAccount>(&());
    let mut body = DynamicObject::new(&name, &resource);
    (body.metadata.uid, body.metadata.resource_version) = (Some(uid), Some(version));
    body.data = json!({ "status": next });
    let Some(permit) = shell.permits.grant(shell.settings.status_timeout) else {
        shell.accounts_changed.notify_one();
        return;
    };
    let api: Api<DynamicObject> = Api::all_with(shell.client.clone(), &resource);
    match in_time(&permit, api.replace_status(&name, &PostParams::default(), &body)).await {
        Ok(stored) => shell.handle(|memory, now| memory.handle_accounts(applied(stored), now)),
        Err(error) => {
            tracing::warn!(account = name, "can't write the status: {}", error_chain(&error));
            sleep(GATHERING).await;
            shell.accounts_changed.notify_one();
        }
    }
}
