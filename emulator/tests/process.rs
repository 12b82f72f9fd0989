//! The binary as a rig starts it: one line on standard output, then an end with code 0 in each of the ways there are.
// A helper that panics fails its test, as it should; and a test has the time of the machine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

struct Process {
    child: Child,
    addresses: Value,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, addresses: serde_json::from_str(&line).unwrap() }
    }

    fn connect(&self, port: &str) -> TcpStream {
        TcpStream::connect(self.addresses[port].as_str().unwrap().trim_start_matches("http://")).unwrap()
    }

    fn admin(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = self.connect("admin");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the emulator did not end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when the process has ended, which is what the tests are about.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_ports_answer_once_the_line_is_out() {
    let process = Process::start(&[]);
    assert!(process.admin("GET", "/healthz", "").ends_with("\r\n\r\nok"));
    process.connect("service");
}

#[test]
fn it_ends_when_its_standard_input_closes() {
    let mut process = Process::start(&["--exit-with-stdin"]);
    drop(process.child.stdin.take());
    assert_eq!(process.exit_code(), Some(0));
}

#[test]
fn a_closed_standard_input_alone_does_not_end_it() {
    let mut process = Process::start(&[]);
    let mut other = Process::start(&["--exit-with-stdin"]);
    drop(process.child.stdin.take());
    drop(other.child.stdin.take());
    assert_eq!(other.exit_code(), Some(0));
    assert!(process.admin("GET", "/healthz", "").ends_with("\r\n\r\nok"));
}

#[test]
fn a_signal_ends_it_even_while_a_request_hangs() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start(&["--exit-with-stdin"]);
        process.admin("POST", "/faults", r#"{"effect":{"type":"hang"}}"#);
        let mut hanging = process.connect("service");
        let credential = "Credential=AKIA111122223333/20260101/eu-west-1/codeguru-profiler/aws4_request";
        write!(
            hanging,
            "GET /profilingGroups HTTP/1.1\r\nhost: t\r\nauthorization: AWS4-HMAC-SHA256 {credential}\r\n\r\n"
        )
        .unwrap();
        while !process.admin("GET", "/counts", "").contains("ListProfilingGroups") {}
        assert!(Command::new("kill").args([signal, &process.child.id().to_string()]).status().unwrap().success());
        assert_eq!(process.exit_code(), Some(0), "{signal}");
    }
}

#[test]
fn an_address_in_use_is_named() {
    let process = Process::start(&[]);
    let taken = process.addresses["service"].as_str().unwrap().trim_start_matches("http://");
    let output =
        Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator")).args(["--listen", taken]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(taken));
}

#[test]
fn a_reader_that_leaves_early_makes_it_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator"));
    let output = command.arg("--print-table").stdout(writer).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("codeguru-profiler-emulator: Broken pipe") && !text.contains("panicked"), "{text}");
}

#[test]
fn a_scenario_is_played_before_the_first_request_and_on_in_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.json");
    let steps = r#"{"steps": [
        {"atMs": 300, "request": "DELETE /groups/1/r/later"},
        {"request": "PUT /groups/1/r/later"},
        {"request": "POST /seed", "body": {"account": "1", "region": "r", "count": 2, "prefix": "g"}}
    ]}"#;
    std::fs::write(&file, steps).unwrap();
    let process = Process::start(&["--scenario", file.to_str().unwrap()]);
    assert!(process.admin("GET", "/groups/1/r/g-00001", "").starts_with("HTTP/1.1 200"));
    assert!(process.admin("GET", "/groups/1/r/later", "").starts_with("HTTP/1.1 200"));
    let start = Instant::now();
    while !process.admin("GET", "/groups/1/r/later", "").starts_with("HTTP/1.1 404") {
        assert!(start.elapsed() < Duration::from_secs(20), "the step is played");
    }
}

#[test]
fn a_scenario_that_cannot_be_played_is_reported_and_ends_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.json");
    for (text, told) in [
        (r#"{"steps": [{"request": "POST /seed"}]}"#, "POST /seed"),
        (r#"{"steps": [{"request": "GET /nothing"}]}"#, "not found"),
        ("[]", "not a valid scenario"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--scenario", file.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(!output.status.success(), "{text}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn the_journal_is_written_as_lines_of_json_and_continued_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("journal.jsonl");
    for run in 1..=2 {
        let process = Process::start(&["--journal", file.to_str().unwrap()]);
        let mut stream = process.connect("service");
        let credential = "Credential=AKIA111122223333/20260101/eu-west-1/codeguru-profiler/aws4_request";
        let body = "{\n  \"of several\": \"lines\"\n}";
        write!(
            stream,
            "GET /profilingGroups HTTP/1.1\r\nhost: t\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 {credential}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), run);
        let last = &lines[run - 1];
        assert_eq!((&last["operation"], &last["httpStatus"]), (&"ListProfilingGroups".into(), &200.into()));
        assert_eq!(last["request"]["of several"], "lines");
        assert!(answer.contains(last["requestId"].as_str().unwrap()), "{answer}");
    }
}

#[test]
fn an_access_key_that_is_none_is_refused_without_being_shown() {
    let output = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator"))
        .env("EMULATOR_ACCESS_KEY", "AKID=top-secret")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("id=secret,account") && !error.contains("top-secret"), "{error}");
}
