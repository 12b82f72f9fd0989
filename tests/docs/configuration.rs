//! `docs/configuration.md` has every flag with its variable and its default, and no other.

use clap::CommandFactory;
use codeguru_profiler_operator::cli::Cli;

use crate::text;

#[test]
fn every_flag_of_run_is_there_with_its_variable_and_default() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let flags = run.get_arguments().filter_map(|argument| Some((argument.get_long()?, argument)));
    let flags: Vec<_> = flags.filter(|(flag, _)| *flag != "help" && *flag != "version").collect();
    let document = text::read("docs/configuration.md");
    let rows = text::rows(text::section(&document, "Configuration"));
    assert_eq!(rows.len(), flags.len());
    for (flag, argument) in flags {
        let row =
            rows.iter().find(|row| row[0] == format!("`--{flag}`")).unwrap_or_else(|| panic!("no row for --{flag}"));
        assert_eq!(row[1], format!("`{}`", argument.get_env().unwrap().to_string_lossy()));
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        let defaults: Vec<String> = defaults.filter(|value| value != "false").collect();
        match &defaults[..] {
            [] => assert!(!row[2].is_empty() && !row[2].contains(|c: char| c.is_ascii_digit()), "--{flag}: {}", row[2]),
            [default] => assert_eq!(row[2], format!("`{default}`"), "--{flag}"),
            more => panic!("--{flag} has several defaults: {more:?}"),
        }
    }
}
