//! `docs/emulator.md` against what it speaks of.
// A helper that panics fails its test, as it should.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::process::Command;

use codeguru_profiler_emulator::switches;

const DOCUMENT: &str = include_str!("../../docs/emulator.md");

/// The lines of the tables under a heading, their heads left out.
fn rows(heading: &str) -> Vec<&'static str> {
    let under = DOCUMENT.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('#'));
    let mut rows: Vec<&str> = Vec::new();
    for line in under.filter(|line| line.starts_with('|')) {
        if line.starts_with("|--") {
            rows.pop();
        } else {
            rows.push(line);
        }
    }
    rows
}

#[test]
fn the_table_of_switches_is_that_of_the_code() {
    let mut expected = String::new();
    for switch in switches() {
        let default = switch.default.as_str().map_or_else(|| switch.default.to_string(), str::to_owned);
        writeln!(
            expected,
            "| `{}` | {} | `{default}` | {} | {} |",
            switch.name, switch.values, switch.what, switch.why
        )
        .unwrap();
    }
    let written = rows("## Switches").join("\n");
    assert_eq!(written, expected.trim_end(), "the table should be:\n{expected}");
}

#[test]
fn the_table_of_flags_is_that_of_the_program() {
    let output = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let mut flags: Vec<String> = Vec::new();
    for line in help.lines().filter(|line| !line.contains("-h, ") && !line.contains("-V, ")) {
        let mut words = line.split_whitespace().peekable();
        if let Some(flag) = words.next_if(|word| word.starts_with("--")) {
            flags.push(format!("| `{flag}` | none |"));
        }
        for variable in words.filter(|word| word.starts_with("EMULATOR_")) {
            let flag = flags.last_mut().unwrap();
            *flag = flag.replace("none", &format!("`{}`", variable.trim_end_matches(['=', ']'])));
        }
    }
    let documented = rows("## Flags");
    assert_eq!(documented.len(), flags.len(), "{flags:?}");
    for flag in flags {
        assert!(documented.iter().any(|row| row.starts_with(&flag)), "no row begins {flag}");
    }
}
