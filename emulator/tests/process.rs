//! The binary as a rig starts it: one line on standard output, then an end with code 0 in each of the ways there are.
// A helper that panics fails its test, as it should.
#![allow(clippy::unwrap_used)]

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
    drop(process.child.stdin.take());
    std::thread::sleep(Duration::from_millis(100));
    assert!(process.child.try_wait().unwrap().is_none());
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
