//! What to do about a failed call, for conditions: holds nothing that changes by itself, and nothing of AWS's words
//! that names a role session. Pure.

use super::{AwsError, Operation};
use crate::api::Reason;

pub(super) fn advice(error: &AwsError) -> String {
    let AwsError { operation, region, .. } = error;
    let service = if *operation == Operation::GetCallerIdentity { "AWS STS" } else { "Amazon CodeGuru Profiler" };
    match error.reason {
        Reason::GroupNotFound => not_found(error),
        Reason::AccessDenied => denied(error),
        Reason::CredentialsExpired => format!(
            "the operator's AWS credentials have expired: renew them; with IRSA or EKS Pod Identity, check that the \
             pod's token is mounted and refreshed and that the node's clock is right ({region})"
        ),
        Reason::CredentialsInvalid => format!(
            "AWS does not accept the operator's credentials in {region}: check the access key, that the role exists \
             and its trust policy admits the operator's ServiceAccount, and that the region is enabled for the account"
        ),
        Reason::CredentialsMissing => "the operator has no AWS credentials: it looks at the environment \
             (AWS_ACCESS_KEY_ID), the profile files, the web identity token (IRSA), the container endpoint (EKS Pod \
             Identity) and the instance's metadata; give its ServiceAccount a role and restart the pod, and check that STS can be reached"
            .to_owned(),
        Reason::SignatureRejected => format!(
            "AWS rejects the signature of {operation} in {region}: set the node's clock right, check the secret \
             access key, and that no proxy changes the request"
        ),
        Reason::InvalidRequest => invalid(error),
        Reason::QuotaExceeded => format!(
            "a CodeGuru Profiler quota of the account is used up in {region} (profiling groups: 500 per account and \
             region unless raised, L-DA8D4E8D): raise it in Service Quotas, or delete groups that nobody needs"
        ),
        Reason::Conflict => "somebody else is changing the group in AWS at the same time: the operator tries again; \
             if it stays, find the other writer (Terraform, a script, another cluster)"
            .to_owned(),
        Reason::Throttled => format!(
            "AWS throttles {operation} in {region}: the operator slows down and tries again; if it stays, find who \
             else calls the service in this account, or raise the poll interval"
        ),
        Reason::ServiceUnavailable => {
            format!(
                "{service} in {region} fails to answer {operation}: the operator tries again; see the AWS Health Dashboard"
            )
        }
        Reason::Unreachable => format!(
            "no connection to {service} in {region} holds: check that the region has the service, and DNS, NAT or VPC \
             endpoint, network policies and proxies; the operator tries again"
        ),
        Reason::TimedOut => format!(
            "{service} in {region} does not answer {operation} in time: check NAT or VPC endpoint, network policies \
             and proxies; the operator tries again"
        ),
        Reason::MalformedAnswer => format!(
            "the answer to {operation} in {region} can't be read: check that the endpoint is AWS's and what proxies \
             stand in between; the operator tries again"
        ),
        _ => format!("{operation} in {region} failed inside the operator: see its log; it tries again"),
    }
}

fn not_found(AwsError { operation, region, group, .. }: &AwsError) -> String {
    match group {
        Some(name) => format!(
            "no profiling group {name} in {region}: create it in this AWS account, or correct \
             spec.profilingGroupName or spec.region"
        ),
        None => format!("AWS does not know what {operation} asks for in {region}: check the endpoint"),
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
    let on = match (operation, group) {
        (Operation::List, _) => format!(" on Resource \"*\" (it can't be narrowed to single groups) in {region}"),
        (_, Some(name)) => format!(" on arn:*:codeguru-profiler:{region}:*:profilingGroup/{name}"),
        (_, None) => format!(" in {region}"),
    };
    format!(
        "AWS denies {action}: allow it{on} in the IAM policy of the operator's role, and check that no permissions \
         boundary or service control policy takes it away"
    )
}

fn invalid(error: &AwsError) -> String {
    let AwsError { operation, region, answer, .. } = error;
    let said = answer.as_deref().filter(|answer| answer.code.as_deref() == Some("ValidationException"));
    match said.and_then(|answer| answer.message.as_deref()) {
        Some(message) => format!("AWS finds {operation} in {region} invalid: {message}"),
        None => match error.code() {
            Some(code) => format!("AWS finds {operation} in {region} invalid ({code}): see the operator's log"),
            None => format!("{operation} in {region} can't be sent: check spec.profilingGroupName and spec.region"),
        },
    }
}
