//! What the query of a list or a watch may contain, and what of it contradicts itself.

use super::{refusal::Refusal, request::Request};

/// The options that lists and watches have in common.
pub(super) struct Options<'a> {
    version: Option<&'a str>,
    pub matching: Option<Match>,
    /// Whether a watch starts with what is there, if the request has it.
    pub streams: Option<bool>,
    pub limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Exact,
    NotOlderThan,
}

impl<'a> Options<'a> {
    pub(super) fn of(request: &'a Request) -> Result<Self, Refusal> {
        let version = request.query("resourceVersion");
        let matching = match request.query("resourceVersionMatch") {
            None => None,
            Some("Exact") => Some(Match::Exact),
            Some("NotOlderThan") => Some(Match::NotOlderThan),
            Some(_) => return Err(Refusal::options("resourceVersionMatch: Unsupported value")),
        };
        let limit = request.query("limit").map(str::parse::<i64>).transpose();
        let limit = limit.map_err(|error| Refusal::bad_request(error.to_string()))?.unwrap_or(0);
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let streams = request.query("sendInitialEvents").map(|_| request.is("sendInitialEvents"));
        match matching {
            Some(_) if version.is_none() && streams.is_none() => Err(Refusal::options(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            )),
            Some(Match::Exact) if version == Some("0") => Err(Refusal::options(
                "resourceVersionMatch: Forbidden: resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
            )),
            None | Some(Match::Exact) if streams.is_some() => Err(Refusal::options(
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )),
            _ => Ok(Self { version, matching, streams, limit }),
        }
    }

    /// The resourceVersion, 0 if there is none, or what is wrong with it.
    pub(super) fn version(&self) -> Result<u64, String> {
        let version = self.version.unwrap_or("0");
        version.parse().map_err(|_| format!("Invalid value: \"{version}\": strconv.ParseUint: invalid syntax"))
    }
}
