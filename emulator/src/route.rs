//! From a method and a raw path to a row of the table. Labels are decoded after the match, never before: an encoded ARN holds slashes.

use percent_encoding::percent_decode_str;

use crate::model::Operation;
use crate::service::Service;
use crate::table::operations;

/// A row of the table with the labels of the path that led to it.
#[derive(Debug)]
pub struct Route {
    pub operation: &'static Operation,
    pub labels: Vec<(&'static str, String)>,
}

/// The restJson1 operation behind a method and a raw path.
pub fn by_path(method: &str, raw_path: &str) -> Option<Route> {
    operations()
        .filter(|row| row.service == Service::CodeGuruProfiler && row.method == method)
        .find_map(|operation| Some(Route { operation, labels: labels(operation.path, raw_path)? }))
}

/// The awsQuery operation of a form's `Action`.
pub fn by_action(action: &str) -> Option<Route> {
    operations()
        .find(|row| row.service == Service::Sts && row.name == action)
        .map(|operation| Route { operation, labels: Vec::new() })
}

/// Name and value of each part of a query string or form. Parts without `=` have an empty value.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn labels(template: &'static str, raw_path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut actual = raw_path.split('/');
    let mut labels = Vec::new();
    for expected in template.split('/') {
        let segment = actual.next()?;
        if let Some(label) = expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            if segment.is_empty() {
                return None;
            }
            labels.push((label, decode(segment)));
        } else if segment != expected {
            return None;
        }
    }
    actual.next().is_none().then_some(labels)
}

pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached_by_its_own_template() {
        for row in operations().filter(|row| row.service == Service::CodeGuruProfiler) {
            let path = row.path.replace("{profilingGroupName}", "a").replace("{resourceArn}", "b");
            assert_eq!(by_path(row.method, &path).unwrap().operation.name, row.name);
        }
    }

    #[test]
    fn an_encoded_arn_is_one_label() {
        let route = by_path("GET", "/tags/arn%3Aaws%3Acodeguru-profiler%3Ar%3A1%3AprofilingGroup%2Fname").unwrap();
        assert_eq!(route.labels, [("resourceArn", "arn:aws:codeguru-profiler:r:1:profilingGroup/name".to_owned())]);
    }

    #[test]
    fn an_arn_with_a_bare_slash_leads_nowhere() {
        assert!(by_path("GET", "/tags/arn:aws:codeguru-profiler:r:1:profilingGroup/name").is_none());
    }

    #[test]
    fn an_empty_label_leads_nowhere() {
        assert!(by_path("GET", "/profilingGroups/").is_none());
    }

    #[test]
    fn a_method_that_the_path_does_not_have_leads_nowhere() {
        assert!(by_path("PATCH", "/profilingGroups").is_none());
    }

    #[test]
    fn a_repeated_query_member_keeps_its_order() {
        let expected = [("tagKeys", "a b"), ("tagKeys", "c+"), ("flag", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(pairs("tagKeys=a+b&tagKeys=c%2B&flag"), expected);
    }
}
