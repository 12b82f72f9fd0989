//! Reads single values of the command line. Pure; every error explains what to give instead.

use std::{net::SocketAddr, time::Duration};

use crate::{api::Grant, aws::region::is_region, domain::glob::Glob};

/// Reads a duration such as `90s` or `15m` of at least `min`.
pub(super) fn duration(min: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let duration = humantime::parse_duration(text)
            .map_err(|error| format!("{error}; give a number with a unit, such as 90s, 15m or 1h30m"))?;
        if duration < min {
            return Err(format!("too short; give at least {}", humantime::format_duration(min)));
        }
        Ok(duration)
    }
}

/// Reads the name of a namespace: a DNS label of RFC 1123, as Kubernetes wants it.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err("not a namespace; give 1 to 63 of a-z, 0-9 and \"-\", or omit it to watch all namespaces".to_owned())
    }
}

/// Reads the name of an object: a DNS subdomain of RFC 1123, as Kubernetes wants it.
pub(super) fn object_name(text: &str) -> Result<String, String> {
    if text.len() <= 253 && text.split('.').all(|label| namespace(label).is_ok()) {
        Ok(text.to_owned())
    } else {
        Err("not a name; give a-z, 0-9, \"-\" and \".\", such as codeguru-profiler-operator".to_owned())
    }
}

/// Reads an AWS region by its form.
pub(super) fn region(text: &str) -> Result<String, String> {
    if is_region(text) {
        Ok(text.to_owned())
    } else {
        Err("not an AWS region; give its code, such as eu-west-1".to_owned())
    }
}

/// Reads the name of what has to be allowed.
pub(super) fn grant(text: &str) -> Result<Grant, String> {
    let all = Grant::ALL.map(Grant::name);
    let grant = Grant::ALL.into_iter().find(|grant| grant.name() == text);
    grant.ok_or_else(|| format!("nothing that can be allowed; give {}", all.join(", ")))
}

/// Reads a pattern of ARNs.
pub(super) fn pattern(text: &str) -> Result<Glob, String> {
    if text.starts_with("arn:") || text.starts_with('*') {
        Ok(Glob::new(text))
    } else {
        Err("not a pattern of ARNs; give the ARN of a role or user, or of a topic, in which * stands for any characters".to_owned())
    }
}

/// Reads a pattern of names of groups.
pub(super) fn group_pattern(text: &str) -> Result<Glob, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_*".contains(c);
    if (1..=255).contains(&text.len()) && text.chars().all(allowed) {
        Ok(Glob::new(text))
    } else {
        Err("not a pattern; give 1 to 255 letters, digits, \"-\", \"_\" or \"*\", such as shop-*".to_owned())
    }
}

/// Reads an owner id: it becomes the value of a tag.
pub(super) fn owner_id(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/=+@-".contains(c);
    if (1..=256).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("not an owner ID; give 1 to 256 letters, digits or _ . : / = + @ -, such as the name of the cluster"
            .to_owned())
    }
}

/// Reads an address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "not an address; give an IP address and a port, such as [::]:8080 or 0.0.0.0:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_numbers_and_not_a_name() {
        assert!(address("0.0.0.0:0").is_ok());
        assert!(address("[::]:8080").is_ok());
        for text in ["", ":8080", "8080", "localhost:8080", "0.0.0.0"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_needs_a_unit_and_the_least_that_makes_sense() {
        let read = duration(Duration::from_secs(1));
        assert_eq!(read("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(read("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(read("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(read("999ms"), Err("too short; give at least 1s".to_owned()));
        for text in ["", "60", "-1s", "soon", "1 fortnight"] {
            let error = read(text).unwrap_err();
            assert!(error.ends_with("give a number with a unit, such as 90s, 15m or 1h30m"), "{text}: {error}");
        }
    }

    #[test]
    fn a_namespace_is_a_dns_label() {
        for text in ["shop", "a", "team-1", "1st"] {
            assert_eq!(namespace(text), Ok(text.to_owned()));
        }
        let long = "a".repeat(64);
        for text in ["", "Shop", "-a", "a-", "a_b", "a.b", "a b", &long] {
            assert!(namespace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_region_has_the_form_of_one() {
        assert_eq!(region("eu-west-1"), Ok("eu-west-1".to_owned()));
        assert!(region("eu-west-1 ").is_err());
    }
}
