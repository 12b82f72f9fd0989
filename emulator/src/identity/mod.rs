//! Who calls: what a request claims, whether that is true, and what the caller may do.

mod claim;
mod keys;
mod roles;
mod rules;
mod signature;
mod token;

pub use self::claim::{Claim, NoClaim};
pub use self::keys::{AccessKey, BadAccessKey, KeyBook, Session};
pub use self::roles::{Role, RoleBook};
pub use self::rules::{RuleBook, Verdict};
pub use self::signature::Untrue;
pub use self::token::{BadToken, WebIdentity};

/// Who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    /// From the credential's scope.
    pub region: String,
    /// What GetCallerIdentity returns, and rules match.
    pub arn: String,
    pub user_id: String,
}

/// Whether a text matches a pattern, in which `*` stands for any characters and `?` for one.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how much of the text it stands for: it takes one more when what follows fails.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn stars_stand_for_any_characters_and_question_marks_for_one() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("a", "", false),
            ("codeguru-profiler:List*", "codeguru-profiler:ListProfilingGroups", true),
            ("codeguru-profiler:List*", "codeguru-profiler:DescribeProfilingGroup", false),
            ("arn:*:profilingGroup/a?", "arn:aws:codeguru-profiler:r:1:profilingGroup/ab", true),
            ("arn:*:profilingGroup/a?", "arn:aws:codeguru-profiler:r:1:profilingGroup/a", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
            ("a*", "b", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
