//! Watches ProfilerAccounts, and the labels of namespaces while a ProfilerAccount selects by them. A cluster that has no
//! such kind, or does not let the operator list it, is left at that until it can be listed.

use std::{collections::BTreeSet, future::pending, mem, pin::pin, sync::Arc};

use futures::{StreamExt, join};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject},
    runtime::watcher::Event,
};
use tokio::sync::Notify;

use super::{
    memory::{
        Wanted,
        accounts::{AccountEvent, AccountObject, Stored},
    },
    shell::Shell,
    watch::{is_refusal, listed_and_watched, pauses::with_pauses, refusal::Refusal},
};
use crate::{
    api::ProfilerAccount,
    domain::{moment::Moment, transitions::EventDraft},
    process::error_chain::error_chain,
};

/// Keeps the memory in step with the ProfilerAccounts, for ever.
pub async fn follow_accounts(shell: Arc<Shell>) {
    if !shell.settings.accounts {
        shell.handle(|memory, now| memory.handle_accounts(AccountEvent::AccountsRefused, now));
        return pending().await;
    }
    let selected = Notify::new();
    let accounts = follow(&shell, &ACCOUNTS, || {
        shell.accounts_changed.notify_one();
        if shell.memory.lock().needs_namespaces() {
            selected.notify_one();
        }
    });
    let namespaces = async {
        selected.notified().await;
        follow(&shell, &NAMESPACES, || {}).await;
    };
    join!(accounts, namespaces);
}

/// A kind that is watched in the whole cluster.
struct Watched {
    resource: fn() -> ApiResource,
    plural: &'static str,
    applied: fn(DynamicObject) -> AccountEvent,
    gone: fn(String) -> AccountEvent,
    listed: fn(BTreeSet<String>) -> AccountEvent,
    refused: fn() -> AccountEvent,
    without: &'static str,
}

const ACCOUNTS: Watched = Watched {
    resource: || ApiResource::erase::<ProfilerAccount>(&()),
    plural: "profileraccounts",
    applied,
    gone: AccountEvent::AccountGone,
    listed: AccountEvent::AccountsListed,
    refused: || AccountEvent::AccountsRefused,
    without: "resources with spec.accountRef are refused until they can be: check that their CRD is installed",
};

/// A ProfilerAccount is like this.
pub fn applied(mut object: DynamicObject) -> AccountEvent {
    let spec = serde_json::from_value(object.data["spec"].take());
    let stored = Stored {
        uid: object.uid().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        version: object.resource_version().unwrap_or_default(),
        status: serde_json::from_value(object.data["status"].take()).unwrap_or_default(),
    };
    let spec = spec.map_err(|error: serde_json::Error| error.to_string());
    AccountEvent::Account(Box::new(AccountObject { name: object.name_any(), spec, stored }))
}

/// Takes in a ProfilerAccount as the API server has it now.
pub async fn read_again(shell: &Shell, name: &str) -> Result<(), kube::Error> {
    let api: Api<DynamicObject> = Api::all_with(shell.client.clone(), &(ACCOUNTS.resource)());
    let known = shell.memory.lock().account_version(name);
    let newest = api.get_opt(name).await?.filter(|object| object.metadata.deletion_timestamp.is_none());
    shell.handle(|memory, now| match newest {
        Some(newest) => memory.handle_accounts(applied(newest), now),
        // The watch has reported another one meanwhile.
        None if memory.account_version(name) != known => Wanted::default(),
        None => memory.handle_accounts(AccountEvent::AccountGone(name.to_owned()), now),
    });
    Ok(())
}

const NAMESPACES: Watched = Watched {
    resource: || ApiResource::erase::<Namespace>(&()),
    plural: "namespaces",
    applied: |object| AccountEvent::Namespace(object.name_any(), object.labels().clone()),
    gone: AccountEvent::NamespaceGone,
    listed: AccountEvent::NamespacesListed,
    refused: || AccountEvent::NamespacesRefused,
    without: "the namespaceSelector of ProfilerAccounts selects none until they can be: check that labels are to select them",
};

async fn follow(shell: &Shell, kind: &Watched, then: impl Fn()) {
    let api: Api<DynamicObject> = Api::all_with(shell.client.clone(), &(kind.resource)());
    let mut events = pin!(with_pauses(listed_and_watched(api).boxed(), shell.system.clone()));
    let (mut listing, mut refusal) = (BTreeSet::new(), Refusal::default());
    let handle = |event| shell.handle(|memory, now| memory.handle_accounts(event, now));
    let is_going = |object: &DynamicObject| object.metadata.deletion_timestamp.is_some();
    while let Some(event) = events.next().await {
        if !matches!(event, Ok(Event::Init) | Err(_)) {
            refusal.ends();
        }
        match event {
            Ok(Event::Init) => listing.clear(),
            Ok(Event::InitApply(object)) if !is_going(&object) => {
                listing.insert(object.name_any());
                handle((kind.applied)(object));
            }
            Ok(Event::Apply(object)) if !is_going(&object) => handle((kind.applied)(object)),
            Ok(Event::InitApply(_)) => {}
            Ok(Event::Apply(object) | Event::Delete(object)) => handle((kind.gone)(object.name_any())),
            Ok(Event::InitDone) => handle((kind.listed)(mem::take(&mut listing))),
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "the watch of {} failed", kind.plural);
                if refusal.failed(is_refusal(&error), Moment::after(shell.system.elapsed())) {
                    handle((kind.refused)());
                    report_refused(shell, kind, &error_chain(&error));
                }
            }
        }
        then();
    }
}

fn report_refused(shell: &Shell, Watched { plural, without, .. }: &Watched, detail: &str) {
    let note = format!(
        "{plural} can't be listed, and {without}, and that the operator's ServiceAccount is allowed to list and watch \
         {plural} in the cluster. {detail}"
    );
    tracing::warn!("{note}");
    shell.publish_when_leading(EventDraft { warning: true, reason: "AccountsRefused", action: "List", note });
}
