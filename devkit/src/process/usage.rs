//! What a process has used so far, from `/proc`.

use std::time::Duration;

use crate::Error;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every architecture Linux runs on today.
const TICKS_PER_SECOND: u32 = 100;

/// The resident memory of a process in KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<u64, Error> {
    status_kib(pid, "VmRSS:")
}

/// KiB as MiB, to be read by a person.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The highest resident memory a process has had, in KiB.
pub(crate) fn peak_rss_kib(pid: u32) -> Result<u64, Error> {
    status_kib(pid, "VmHWM:")
}

fn status_kib(pid: u32, field: &str) -> Result<u64, Error> {
    let status = read(pid, "status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .ok_or_else(|| Error::Unexpected(format!("no {field} in the status of process {pid}")))
}

/// The CPU time, user and system, that a process has used, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Error> {
    parse_cpu_seconds(&read(pid, "stat")?).ok_or_else(|| Error::Unexpected(format!("the stat of process {pid}")))
}

fn parse_cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, in which anything may stand.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(f64::from(user + system) / f64::from(TICKS_PER_SECOND))
}

/// How long a process has been there, to a hundredth of a second.
pub(crate) fn age(pid: u32) -> Result<Duration, Error> {
    let uptime = std::fs::read_to_string("/proc/uptime").map_err(Error::io("/proc/uptime"))?;
    parse_age(&read(pid, "stat")?, &uptime).ok_or_else(|| Error::Unexpected(format!("the age of process {pid}")))
}

fn parse_age(stat: &str, uptime: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let started: u64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(uptime.split_whitespace().next()?.parse().ok()?).ok()?;
    Some(uptime.saturating_sub(Duration::from_millis(started * 1000 / u64::from(TICKS_PER_SECOND))))
}

fn read(pid: u32, file: &str) -> Result<String, Error> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).map_err(Error::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_parenthesis_in_its_name_is_measured() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 200 0 0 0 150 50 0 0 20 0 1 0 100 1000 10";
        assert!((parse_cpu_seconds(stat).unwrap() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_age_is_counted_from_the_start_of_the_process() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 200 0 0 0 150 50 0 0 20 0 1 0 150 1000 10";
        assert_eq!(parse_age(stat, "3.75 7.00\n"), Some(Duration::from_millis(2250)));
        assert!(age(std::process::id()).unwrap() < Duration::from_hours(1));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(rss_kib(std::process::id()).unwrap() > 500);
        assert!(peak_rss_kib(std::process::id()).unwrap() >= rss_kib(std::process::id()).unwrap() / 2);
    }
}
