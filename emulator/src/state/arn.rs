//! The ARNs of profiling groups. Pure.

use super::Refusal;

pub fn of_group(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:codeguru-profiler:{region}:{account}:profilingGroup/{name}")
}

/// The name of the group that an ARN names, if it is one of this account and region.
pub fn group_named_by<'a>(arn: &'a str, account: &str, region: &str) -> Result<&'a str, Refusal> {
    let not_an_arn = || Refusal::NotAnArn(arn.to_owned());
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws", "codeguru-profiler", in_region, of_account, resource] = parts.as_slice() else {
        return Err(not_an_arn());
    };
    let name = resource.strip_prefix("profilingGroup/").filter(|name| !name.is_empty()).ok_or_else(not_an_arn)?;
    if *in_region == region && *of_account == account { Ok(name) } else { Err(Refusal::NoSuchArn(arn.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_leads_back_to_its_group() {
        assert_eq!(
            group_named_by(&of_group("111122223333", "eu-west-1", "a_B-1"), "111122223333", "eu-west-1"),
            Ok("a_B-1")
        );
    }

    #[test]
    fn an_arn_of_another_account_or_region_names_no_group_here() {
        let arn = of_group("111122223333", "eu-west-1", "a");
        assert_eq!(group_named_by(&arn, "111122223333", "eu-west-2"), Err(Refusal::NoSuchArn(arn.clone())));
        assert_eq!(group_named_by(&arn, "444455556666", "eu-west-1"), Err(Refusal::NoSuchArn(arn.clone())));
    }

    #[test]
    fn anything_else_is_not_an_arn() {
        for text in ["", "a", "arn:aws:s3:::bucket", "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/"]
        {
            assert_eq!(
                group_named_by(text, "111122223333", "eu-west-1"),
                Err(Refusal::NotAnArn(text.to_owned())),
                "{text}"
            );
        }
    }
}
