//! The table of states: which conditions each has, and their messages. Pure.

use super::super::{
    arns::shown,
    conditions::Verdict,
    desired::NotAllowed,
    facet::{Facet, Step},
    failure::{Class, Failure, FailureReason},
    permissions::unique_ids,
    plan::State,
    situation::Situation,
};
use crate::api::{FieldDifference, Reason};

/// The same before and after the creation is recorded: nothing else is to be written for that.
const CREATING: &str = "Creating the group in AWS.";

const NOT_CREATED_HERE: &str = "spec.deletionPolicy is Delete, but this resource did not create the group: when the resource is \
     deleted, the group stays in AWS.";

/// What becomes of one condition.
pub enum Cell {
    Set(Verdict),
    /// As it was, for this generation.
    Keep,
}

/// The conditions of one state.
pub struct Row {
    pub ready: Cell,
    pub synced: Cell,
    /// Absent unless it holds.
    pub reconciling: Option<Cell>,
    /// Absent unless it holds.
    pub stalled: Option<Cell>,
}

impl Row {
    fn calm(ready: Verdict, synced: Verdict) -> Self {
        Self { ready: Cell::Set(ready), synced: Cell::Set(synced), reconciling: None, stalled: None }
    }

    fn stalled(reason: Reason, message: &str, differs: bool) -> Self {
        Self {
            stalled: Some(Cell::Set(Verdict::yes(reason, message))),
            ..Self::calm(Verdict::no(reason, message), synced(differs, reason, message))
        }
    }

    fn progressing(message: &str) -> Self {
        Self {
            reconciling: Some(Cell::Set(Verdict::yes(Reason::Progressing, message))),
            ..Self::calm(Verdict::unknown(Reason::Progressing, message), Verdict::unknown(Reason::Progressing, message))
        }
    }

    fn retrying(failure: &Failure, differs: bool) -> Self {
        let (reason, message) = (Reason::from(failure.reason), &failure.message);
        Self {
            reconciling: Some(Cell::Set(Verdict::yes(Reason::ProgressingWithRetry, message))),
            ..Self::calm(Verdict::no(reason, message), synced(differs, reason, message))
        }
    }
}

/// False if the last known observation differs, else Unknown.
fn synced(differs: bool, reason: Reason, message: &str) -> Verdict {
    if differs { Verdict::no(reason, message) } else { Verdict::unknown(reason, message) }
}

/// The table of states.
pub fn row(state: &State<'_>, situation: &Situation) -> Row {
    let differs = !situation.differences().is_empty();
    match state {
        State::Suspended => {
            let message = "spec.suspend is true: no AWS calls are made for this resource.";
            Row::calm(Verdict::yes(Reason::Suspended, message), Verdict::unknown(Reason::Suspended, message))
        }
        State::Unreadable(why) => Row::stalled(
            Reason::InvalidSpec,
            &format!("The spec can't be read: {why}. Correct it; kubectl explain profgroup.spec lists the fields."),
            differs,
        ),
        State::ClaimedByAnother(owner) => Row::stalled(
            Reason::ClaimedByAnother,
            &format!("ProfilingGroup {owner} names the same group and claimed it first: delete one of the two."),
            differs,
        ),
        State::AccessRefused(refusal) => Row::stalled(refusal.reason(), &refusal.message(), false),
        State::AccountDiffers { is, wanted } => Row::stalled(
            Reason::AccountDiffers,
            &account_differs(is, wanted),
            // What is known belongs to the other account.
            false,
        ),
        State::RegionMissing => Row::stalled(
            Reason::RegionMissing,
            "No region: set spec.region, or the region of the ProfilerAccount, or start the operator with --region.",
            differs,
        ),
        State::TargetChanged { was, is } => Row::stalled(
            Reason::TargetChanged,
            &target_changed(was, is),
            // What is known belongs to the other target.
            false,
        ),
        State::PlatformDiffers { is, wanted } => {
            Row::stalled(Reason::PlatformDiffers, &platform_differs(is, wanted), true)
        }
        State::OwnedByAnother(id) => Row::stalled(Reason::OwnedByAnother, &owned_by_another(id, situation), differs),
        State::Recording => Row::progressing(CREATING),
        State::NotAllowed(what) => not_allowed(what, situation),
        State::GroupMissing => Row::stalled(Reason::GroupNotFound, &missing(situation), differs),
        State::Failed(failure) if failure.reason.class() == Class::FixMe => {
            Row::stalled(failure.reason.into(), &failure.message, differs)
        }
        State::LaneFailed(failure) if failure.reason.class() == Class::FixMe => {
            let reason = match failure.reason {
                FailureReason::AccessDenied => Reason::ListDenied,
                other => other.into(),
            };
            Row::stalled(reason, &failure.message, differs)
        }
        State::Failed(failure) | State::LaneFailed(failure) => Row::retrying(failure, differs),
        State::DeletionFailed(failure) => deletion_failed(failure),
        State::Contested => contested(),
        State::SwitchUnknown => {
            let message = "AWS describes the group without reporting whether profiling is on; nothing is corrected until it does.";
            Row {
                reconciling: Some(Cell::Set(Verdict::yes(Reason::SwitchUnknown, message))),
                // AWS has answered, and that was no success: Flux's FAIL0003 requires False beside Reconciling.
                ..Row::calm(
                    Verdict::no(Reason::SwitchUnknown, message),
                    Verdict::unknown(Reason::SwitchUnknown, message),
                )
            }
        }
        State::Waiting => Row::progressing("Waiting for the first read from AWS."),
        State::RecordingOriginal(step) | State::Writing(step) => Row::progressing(&doing(step)),
        State::DriftReported(differences) => Row::calm(
            Verdict::yes(
                Reason::DriftReported,
                "The resource was applied; AWS was changed externally since, and spec.driftPolicy is Report.",
            ),
            Verdict::no(Reason::DriftReported, describe(differences)),
        ),
        State::Differs(differences) => Row::calm(
            Verdict::yes(Reason::Observed, "The group is only observed; nothing is written to AWS."),
            Verdict::no(Reason::Differs, describe(differences)),
        ),
        State::Kept | State::Released => {
            Row { ready: Cell::Keep, synced: Cell::Keep, reconciling: Some(Cell::Keep), stalled: Some(Cell::Keep) }
        }
        State::Stale => Row {
            ready: Cell::Keep,
            synced: Cell::Set(Verdict::unknown(
                Reason::InventoryStale,
                "The state in AWS could not be read recently, so it is unconfirmed; see the operator's logs and metrics.",
            )),
            reconciling: None,
            stalled: None,
        },
        State::InSync => in_sync(situation),
    }
}

fn contested() -> Row {
    let message = "Another writer keeps changing the group in AWS, so corrections are slowed down: find that writer, or \
                   set spec.driftPolicy to Report.";
    Row {
        reconciling: Some(Cell::Set(Verdict::yes(Reason::Contested, message))),
        ..Row::calm(Verdict::no(Reason::Contested, message), Verdict::no(Reason::Contested, message))
    }
}

fn in_sync(situation: &Situation) -> Row {
    let is = on_off(situation.desired.profiling_enabled);
    let message = format!("AWS matches the spec: profiling is {is}.{}", deleted_principals(situation));
    let synced = if situation.is_not_created_here() {
        Verdict::yes(Reason::NotCreatedHere, format!("{message} {NOT_CREATED_HERE}"))
    } else {
        Verdict::yes(Reason::InSync, &message)
    };
    Row::calm(Verdict::yes(Reason::InSync, &message), synced)
}

fn deletion_failed(failure: &Failure) -> Row {
    let message = format!(
        "The resource can't be removed yet. {} To remove it and leave the group in AWS as it is, set spec.deletionPolicy to \
         Retain.",
        failure.message
    );
    if failure.reason.class() == Class::FixMe {
        return Row::stalled(Reason::DeletionFailed, &message, false);
    }
    Row {
        reconciling: Some(Cell::Set(Verdict::yes(Reason::ProgressingWithRetry, &message))),
        ..Row::calm(Verdict::no(Reason::DeletionFailed, &message), Verdict::unknown(Reason::DeletionFailed, &message))
    }
}

fn account_differs(is: &str, wanted: &str) -> String {
    format!(
        "AWS answers for account {is}, but the role of the ProfilerAccount belongs to account {wanted}: check the operator's \
         endpoints and which proxies are in between. Nothing is written to AWS."
    )
}

fn target_changed(was: &str, is: &str) -> String {
    format!(
        "The group was found in {was}, but the resource now points to {is}: restore the former account and region of the \
         operator or of the ProfilerAccount, or create a new ProfilingGroup."
    )
}

fn owned_by_another(id: &str, situation: &Situation) -> String {
    let resource = situation.other_resource().map(|resource| format!(" (resource {resource})")).unwrap_or_default();
    let whose = format!("The tags of the group show that it belongs to the operator with the owner ID {id}{resource}");
    if situation.has_taken_over_from(id) {
        return format!(
            "{whose}, which has marked it again after it was taken over: delete the resource there, then remove the tag \
             codeguruprofiler.dev/owner-id from the group."
        );
    }
    format!(
        "{whose}: delete the resource here or there. To hand the group over, start this operator with --take-over-from={id}."
    )
}

fn platform_differs(is: &str, wanted: &str) -> String {
    format!(
        "The group has the compute platform {is}, and spec.computePlatform is {wanted}, which AWS can't change: correct \
         spec.profilingGroupName in a new ProfilingGroup, or create one with the compute platform {is}."
    )
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn doing(step: &Step) -> String {
    match step {
        Step::Create(_) => CREATING.into(),
        Step::Delete => "Deleting the group in AWS.".into(),
        Step::Mark(_) => "Marking the group in AWS as that of this operator.".into(),
        Step::Unmark(_) => "Removing the mark of this operator from the group in AWS.".into(),
        Step::Switch(to) => format!("Turning profiling {} in AWS.", on_off(*to)),
        Step::Tag(_) => "Setting tags in AWS.".into(),
        Step::Untag(_) => "Removing tags in AWS.".into(),
        Step::PutPermission { .. } => "Permitting agents in AWS.".into(),
        Step::RemovePermission { .. } => "Removing the permission of agents in AWS.".into(),
        Step::AddChannels(_) => "Adding notification channels in AWS.".into(),
        Step::RemoveChannel { .. } => "Removing a notification channel in AWS.".into(),
    }
}

fn not_allowed(what: &NotAllowed, situation: &Situation) -> Row {
    let (reason, requested, flag, field) = match what {
        NotAllowed::Grant(grant) => (
            Reason::FacetNotAllowed,
            grant.needed_by().to_owned(),
            format!("--allowed-facets={}", grant.name()),
            format!("{} to spec.allowedFacets", grant.name()),
        ),
        NotAllowed::Principal(arn) => (
            Reason::PrincipalNotAllowed,
            format!("the principal {arn} in spec.agentPermissions"),
            "--allowed-principals and a pattern that matches it".to_owned(),
            "a pattern that matches it to spec.allowedPrincipals".to_owned(),
        ),
        NotAllowed::Topic(arn) => (
            Reason::TopicNotAllowed,
            format!("the topic {arn} in spec.anomalyNotifications"),
            "--allowed-topics and a pattern that matches it".to_owned(),
            "a pattern that matches it to spec.allowedTopics".to_owned(),
        ),
    };
    let message = match situation.lane.as_ref().and_then(|lane| lane.id.account()) {
        Some(account) => format!(
            "ProfilerAccount {account} does not allow {requested}: remove it, or add {field} of the ProfilerAccount."
        ),
        None => format!("This operator does not allow {requested}: remove it, or start the operator with {flag}."),
    };
    Row::stalled(reason, &message, false)
}

/// IAM shows a principal that was deleted by its unique id, and gives that to no other one.
fn deleted_principals(situation: &Situation) -> String {
    let Some(policy) = situation.policy() else { return String::new() };
    let deleted: Vec<_> = unique_ids(&policy.value.principals).collect();
    if deleted.is_empty() {
        return String::new();
    }
    format!(
        " The policy names {}, which IAM shows for a role or user that was deleted: remove that from \
         spec.agentPermissions; if it exists again, remove it there first and then add it again.",
        shown(deleted.into_iter())
    )
}

fn describe(differences: &[FieldDifference]) -> String {
    let one = |FieldDifference { field, observed, desired }: &FieldDifference| {
        if *field == Facet::Existence.name() {
            return "The group is missing in AWS, and this resource creates it.".to_owned();
        }
        let verb = if [Facet::Switch, Facet::Owner].iter().any(|one| *field == one.name()) { "is" } else { "are" };
        format!("{field} {verb} {observed} in AWS, but {desired} in this resource.")
    };
    differences.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn missing(situation: &Situation) -> String {
    let name = &situation.desired.name;
    let (region, account) = situation.lane.as_ref().map_or(("", None), |l| (l.id.region(), l.account.as_deref()));
    let account = account.map(|account| format!(" of account {account}")).unwrap_or_default();
    format!(
        "There is no profiling group {name} in region {region}{account}: create it in AWS, or correct \
         spec.profilingGroupName or spec.region in a new ProfilingGroup."
    )
}
