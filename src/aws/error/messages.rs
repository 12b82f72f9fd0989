//! What to do about a failed call, for conditions: contains nothing that changes by itself, and no message of AWS that
//! names a role session. Pure.

use super::{
    AwsError, Operation,
    party::{CertificateProblem, Finding, Party, Source},
};
use crate::domain::failure::FailureReason;

pub(super) fn advice(error: &AwsError) -> String {
    match &error.finding {
        Some(Finding::Certificate(problem)) => certificate(error, *problem),
        Some(Finding::Key(problem)) => format!(
            "{problem}, which no access key does: check what provides it, for instance that a Secret was created without a \
             line break at its end"
        ),
        Some(Finding::TokenFile(problem)) => format!(
            "{problem}: check that the ServiceAccount token is mounted into the operator's pod (IRSA, EKS Pod Identity); \
             no call was sent to AWS"
        ),
        None => by_reason(error),
    }
}

fn by_reason(error: &AwsError) -> String {
    let AwsError { operation, region, .. } = error;
    let who = who(error);
    match error.reason {
        FailureReason::GroupNotFound => not_found(error),
        FailureReason::AccessDenied => denied(error),
        FailureReason::CredentialsExpired => format!(
            "{who} reports that the operator's credentials have expired: renew them; with IRSA or EKS Pod Identity, check \
             that the pod's token is mounted and refreshed and that the node's clock is correct"
        ),
        FailureReason::CredentialsInvalid => refused(error),
        FailureReason::AccountNotReady => role_refused(error),
        FailureReason::CredentialsMissing => missing(error),
        FailureReason::SignatureRejected => format!(
            "{who} rejects the operator's signature: check the node's clock and the secret access key, and that no proxy \
             changes requests"
        ),
        FailureReason::InvalidRequest => invalid(error),
        FailureReason::QuotaExceeded => format!(
            "a CodeGuru Profiler quota of the account is used up in {region} (profiling groups: 500 per account and \
             region unless raised, L-DA8D4E8D): raise it in Service Quotas, or delete unused groups"
        ),
        FailureReason::Conflict if *operation == Operation::Create => {
            "the group exists already, or is being created by another client: it is used as it is found".to_owned()
        }
        FailureReason::Conflict if operation.is_about_details() => format!(
            "{what} of the group has changed in AWS meanwhile: the operator reads it again and retries; if this persists, \
             find the other writer (Terraform, a script, another cluster)",
            what = what_changed(*operation)
        ),
        FailureReason::Conflict => {
            "another writer is changing the group in AWS at the same time: the operator retries; if this \
             persists, find the other writer (Terraform, a script, another cluster)"
                .to_owned()
        }
        FailureReason::Throttled if error.party == Party::Service => format!(
            "AWS throttles {operation} in {region}: the operator slows down and retries; if this persists, find out what \
             else calls the service in this account, or raise the poll interval"
        ),
        FailureReason::Throttled => {
            format!("{who} throttles requests for credentials: the operator slows down and retries")
        }
        FailureReason::ServiceUnavailable => format!(
            "{who} fails to answer {}: the operator retries{}",
            what(error),
            match error.party {
                Party::Service | Party::Credentials(Source::Sts(_)) => "; see the AWS Health Dashboard",
                Party::Credentials(Source::ContainerEndpoint) => {
                    "; if this persists, check the EKS Pod Identity agent on the node"
                }
                Party::Credentials(_) => "",
            }
        ),
        FailureReason::Unreachable => {
            format!("connections to {who} fail: check {}; the operator retries", network(error))
        }
        FailureReason::TimedOut => {
            format!("{who} does not answer {} in time: check {}; the operator retries", what(error), network(error))
        }
        FailureReason::MalformedAnswer => format!(
            "the answer of {who} to {} can't be read: check that the endpoint is AWS's and which proxies are in between; \
             the operator retries",
            what(error)
        ),
        FailureReason::InternalError | FailureReason::FinalizerDenied => {
            format!("{operation} in {region} failed inside the operator: see its log; it retries")
        }
    }
}

fn what_changed(operation: Operation) -> &'static str {
    match operation {
        Operation::GetChannels | Operation::AddChannels | Operation::RemoveChannel => "the notification configuration",
        _ => "the policy",
    }
}

/// The failing party.
fn who(AwsError { operation, region, party, .. }: &AwsError) -> String {
    match party {
        Party::Service if *operation == Operation::GetCallerIdentity => format!("AWS STS in {region}"),
        Party::Service => format!("Amazon CodeGuru Profiler in {region}"),
        Party::Credentials(source) => source.to_string(),
    }
}

/// What was requested there.
fn what(AwsError { operation, party, .. }: &AwsError) -> &'static str {
    match party {
        Party::Service => operation.as_str(),
        Party::Credentials(_) => "the request for credentials",
    }
}

/// What may be between the operator and the failing party.
fn network(error: &AwsError) -> &'static str {
    match &error.party {
        Party::Service if error.operation != Operation::GetCallerIdentity => {
            "that the region has the service, and DNS, NAT or the VPC endpoint, network policies and proxies"
        }
        Party::Service | Party::Credentials(Source::Sts(_)) => {
            "DNS, NAT or the VPC endpoint of STS, network policies and proxies"
        }
        Party::Credentials(Source::ContainerEndpoint) => {
            "that the EKS Pod Identity agent runs on the node, network policies, and with a proxy that NO_PROXY holds the \
             endpoint's address"
        }
        Party::Credentials(_) => "network policies and proxies",
    }
}

fn certificate(error: &AwsError, problem: CertificateProblem) -> String {
    let who = who(error);
    match problem {
        CertificateProblem::UnknownAuthority => format!(
            "the certificate of {who} is signed by an authority that is not trusted: if a proxy or gateway of your own is in \
             between, mount its CA certificate and name the file in SSL_CERT_FILE; the operator retries"
        ),
        CertificateProblem::Invalid => format!(
            "the certificate of {who} is not valid for it now: check the node's clock, the endpoint's name and which proxies \
             are in between; the operator retries"
        ),
    }
}

fn missing(error: &AwsError) -> String {
    match &error.party {
        Party::Credentials(source @ (Source::Profile | Source::ContainerEndpoint | Source::Sts(_))) => format!(
            "{source} is configured as the source of the operator's AWS credentials and can't be used: check its settings, \
             and see the operator's log"
        ),
        _ => "the operator has no AWS credentials: no environment variable (AWS_ACCESS_KEY_ID), profile file, web identity \
             token (IRSA), container endpoint (EKS Pod Identity) or instance metadata provides any; give its ServiceAccount \
             a role and restart the pod"
            .to_owned(),
    }
}

fn refused(error: &AwsError) -> String {
    let who = who(error);
    match &error.party {
        Party::Service => format!(
            "{who} does not accept the operator's credentials: check the access key, that the role exists, and that the \
             region is enabled for the account"
        ),
        Party::Credentials(Source::Sts(_)) => format!(
            "{who} does not give the operator credentials: check that the role exists, that its trust policy admits the \
             operator's ServiceAccount, and that the region is enabled for the account"
        ),
        Party::Credentials(Source::ContainerEndpoint) => format!(
            "{who} does not give the operator credentials: check that its ServiceAccount has a Pod Identity association, \
             that the role exists, and that its trust policy admits pods.eks.amazonaws.com"
        ),
        Party::Credentials(_) => format!("{who} does not give the operator credentials: see the operator's log"),
    }
}

fn role_refused(error: &AwsError) -> String {
    format!(
        "{} does not let the operator assume the role of ProfilerAccount {}: check that the role exists, that its trust policy \
         admits the operator's own identity, with the external ID and session tags of the ProfilerAccount, and that the IAM \
         policy of that identity allows sts:AssumeRole on the role",
        who(error),
        error.account.as_deref().unwrap_or_default()
    )
}

/// Whose IAM policy has to allow a call.
fn role(error: &AwsError) -> String {
    match &error.account {
        Some(account) => format!("the role of ProfilerAccount {account}"),
        None => "the operator's role".into(),
    }
}

fn not_found(AwsError { operation, region, group, .. }: &AwsError) -> String {
    match group {
        Some(name) => format!(
            "no profiling group {name} in {region}: create it in this AWS account, or correct \
             spec.profilingGroupName or spec.region"
        ),
        None => format!("AWS does not find what {operation} requests in {region}: check the endpoint"),
    }
}

fn denied(error: &AwsError) -> String {
    let AwsError { operation, region, group, .. } = error;
    if error.code() == Some("OptInRequired") {
        return format!(
            "the AWS account has not opted in to the service or to {region}: enable it, or use another region"
        );
    }
    let action = operation.iam_action();
    let topics = match operation {
        Operation::AddChannels => {
            ", and that the access policy of the SNS topics in spec.anomalyNotifications lets codeguru-profiler.amazonaws.com \
             publish"
        }
        _ => "",
    };
    let on = match (operation, group) {
        (Operation::List, _) => {
            format!(" on Resource \"*\" (it can't be restricted to individual groups) in {region}")
        }
        (Operation::Create, _) => format!(
            " on Resource \"*\" (it can't be restricted to individual groups), and codeguru-profiler:TagResource if spec.tags is \
             set, in {region}"
        ),
        (_, Some(name)) => format!(" on arn:*:codeguru-profiler:{region}:*:profilingGroup/{name}"),
        (_, None) => format!(" in {region}"),
    };
    format!(
        "AWS denies {action}: allow it{on} in the IAM policy of {}, and check that no permissions boundary or service \
         control policy denies it{topics}",
        role(error)
    )
}

fn invalid(error: &AwsError) -> String {
    let AwsError { operation, region, answer, .. } = error;
    let refusal = answer.as_deref().filter(|answer| answer.code.as_deref() == Some("ValidationException"));
    match refusal.and_then(|answer| answer.message.as_deref()) {
        Some(message) => {
            let check = match operation {
                Operation::AddChannels => {
                    ". Check that the SNS topics in spec.anomalyNotifications exist in this region, and that their access \
                     policies let codeguru-profiler.amazonaws.com publish"
                }
                Operation::PutPermission => ". Check that the principals in spec.agentPermissions exist",
                _ => "",
            };
            format!("AWS rejects {operation} in {region} as invalid: {}{check}", message.trim_end_matches('.'))
        }
        None => match error.code() {
            Some(code) => format!("AWS rejects {operation} in {region} as invalid ({code}): see the operator's log"),
            None => format!("{operation} in {region} can't be sent: check spec.profilingGroupName and spec.region"),
        },
    }
}
