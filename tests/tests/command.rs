//! The `callgate` command as a person runs it: what it prints, and the exit codes a script relies on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use callgate_tests::binaries::executable;
use serde_json::{Value, json};

fn command() -> Command {
    let mut command = Command::new(executable("callgate").unwrap());
    // Whoever runs the tests may have connections of their own.
    command.env("CALLGATE_STORE", "no-such-store.json");
    command
}

/// Runs the command with a text on standard input.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut child =
        command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments does not wait for its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_arguments_it_shows_every_provider_and_every_kind_of_decision_and_exits_0() {
    let output = run(&[], "");
    let table = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{table}{}", stderr(&output));
    let header = table.lines().next().unwrap();
    for column in ["provider", "queue", "decision", "reason", "available", "source", "ms"] {
        assert!(header.contains(column), "{header}");
    }
    for provider in ["calltools", "genesys-cloud", "ringcentral", "portsip"] {
        let rows: Vec<&str> = table.lines().filter(|line| line.contains(&format!("| {provider} "))).collect();
        for decision in ["| accept ", "| reject ", "| unknown → "] {
            assert!(rows.iter().any(|row| row.contains(decision)), "{provider}: no {decision}in\n{table}");
        }
    }
}

#[test]
fn a_check_exits_0_for_accept_1_for_reject_2_for_policy_and_64_for_a_bad_request() {
    let request = |more: Value| {
        let mut request = json!({"provider": "portsip", "connection": "acme", "queue": "NzAwNTUxOTA5NzczMTQ4MTYw"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request.to_string()
    };
    // The sample's sales queue has one agent READY of three.
    for (more, code, reason) in [
        (json!({}), 0, "ok"),
        (json!({"acceptance": {"value": 1}}), 1, "condition_not_met"),
        (json!({"connection": "nobody"}), 2, "auth_missing"),
        (json!({"connection": "acme-revoked", "on_unknown": "accept"}), 2, "auth_expired"),
    ] {
        let output = run(&["check", "-", "--json"], &request(more.clone()));
        assert_eq!(output.status.code(), Some(code), "{more}: {}", stdout(&output));
        let verdict: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(verdict["reason"], reason, "{more}");
        let words = run(&["check", "-"], &request(more));
        assert_eq!(words.status.code(), Some(code));
        assert!(stdout(&words).contains(&format!("({reason})")), "{}", stdout(&words));
    }
    for (text, named) in [
        (request(json!({"connection": "../x", "queue": ""})), "/connection"),
        (request(json!({"provider": "avaya"})), "/provider"),
        ("{".to_owned(), "no JSON"),
    ] {
        let output = run(&["check", "-"], &text);
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
    }
    let problem = run(&["check", "-", "--json"], &request(json!({"connection": "../x", "queue": ""})));
    assert_eq!(problem.status.code(), Some(64));
    let problem: Value = serde_json::from_str(&stdout(&problem)).unwrap();
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().filter_map(|fault| fault["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/connection", "/queue"]);
}

#[test]
fn a_file_that_is_not_there_and_an_argument_nobody_knows_are_bad_requests() {
    for arguments in [&["check", "no-such-file.json"][..], &["check"], &["--frobnicate"], &["evaluate"]] {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!stderr(&output).is_empty());
    }
    assert_eq!(run(&["--help"], "").status.code(), Some(0));
}

#[test]
fn criteria_are_tried_on_a_saved_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Two agents accept calls, one of them is Available: the platform's Example 3 counts one.
    let document = file(
        "answer.json",
        r#"{"records" : [ {"acceptCurrentQueueCalls" : true, "presenceStatus" : "Available"},
            {"acceptCurrentQueueCalls" : true, "presenceStatus" : "Busy"} ]}"#,
    );
    let pattern = r#""acceptCurrentQueueCalls": true.*"presenceStatus": "Available""#;
    let criteria = |value: u32| json!({"pattern": pattern, "value": value}).to_string();
    for (acceptance, code, outcome) in [
        (criteria(0), 0, "met"),
        (criteria(1), 1, "not_met"),
        (json!({"parse_type": "json", "parse_field": "total"}).to_string(), 2, "unknown"),
        (json!({"provider": "ringcentral", "acceptance": {"value": 1}}).to_string(), 0, "met"),
    ] {
        let acceptance = file("criteria.json", &acceptance);
        let arguments = ["evaluate", "--document", &document, "--acceptance", &acceptance];
        let output = run(&[&arguments[..], &["--json"]].concat(), "");
        assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
        let evaluation: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(evaluation["outcome"], outcome);
        assert_eq!(evaluation["findings"].as_array().unwrap().len(), 1);
        let in_words = stdout(&run(&arguments, ""));
        assert!(in_words.starts_with(outcome));
        for warning in evaluation["warnings"].as_array().unwrap() {
            assert!(in_words.contains(&format!("\nwarning: {}", warning.as_str().unwrap())), "{in_words}");
        }
        let reads_what_is_not_there = evaluation["warnings"].to_string().contains("reads `total`");
        assert_eq!(reads_what_is_not_there, outcome == "unknown", "{evaluation}");
    }
    let faulty = file("criteria.json", r#"{"patern": "x", "condition": "more"}"#);
    let output = run(&["evaluate", "--document", &document, "--acceptance", &faulty], "");
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("/acceptance/patern") && stderr(&output).contains("/acceptance/condition"));
}

/// A `callgate serve` that is ended with its handle.
struct Serving {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(arguments: &[&str]) -> (Self, Vec<String>) {
        let mut child = command().arg("serve").args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut serving = Self { child, lines };
        // The introduction ends with the last simulator's state.
        let mut introduction = Vec::new();
        while !introduction.last().is_some_and(|line: &String| line.contains("# portsip")) {
            let mut line = String::new();
            assert!(serving.lines.read_line(&mut line).unwrap() > 0, "it ended: {introduction:?}");
            introduction.push(line.trim_end().to_owned());
        }
        (serving, introduction)
    }
}

/// What a printed `curl` line asks for: method, address, path with query, body.
fn curl(line: &str) -> (String, String, String, String) {
    let url = line.split(['\'', ' ']).find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{line}"));
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = line.split_once("-d '").map_or("", |(_, rest)| rest.trim_end_matches('\''));
    let method = if line.contains("-X PUT") {
        "PUT"
    } else if body.is_empty() {
        "GET"
    } else {
        "POST"
    };
    (method.to_owned(), address.to_owned(), format!("/{path}"), body.to_owned())
}

/// Does what a printed `curl` line does, and gives the status and the body.
fn send(line: &str) -> (u16, String) {
    let (method, address, path, body) = curl(line);
    let mut stream = TcpStream::connect(&address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn every_line_that_serve_prints_works_when_pasted_and_flips_the_verdict() {
    let (_serving, introduction) = Serving::start(&[]);
    let lines: Vec<&String> = introduction.iter().filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() >= 11, "{introduction:?}");
    for line in lines.iter().filter(|line| line.contains("/v1/check/") && !line.contains("as=bool")) {
        let (status, body) = send(line);
        let verdict: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{line}: {body}"));
        assert_eq!((status, &verdict["decision"]), (200, &json!("accept")), "{line}: {verdict}");
    }
    let portsip = lines.iter().find(|line| line.contains("as=bool")).unwrap();
    assert_eq!(send(portsip), (200, "1".to_owned()));
    let flip = lines.iter().find(|line| line.contains("-X PUT")).unwrap();
    assert_eq!(send(flip).0, 200);
    assert_eq!(send(portsip), (200, "0".to_owned()));
    for line in lines.iter().filter(|line| line.contains("/_simulator/state")) {
        let (status, body) = send(line);
        assert!(status == 200 && serde_json::from_str::<Value>(&body).is_ok(), "{line}: {body}");
    }
}

#[test]
fn the_gateway_answers_as_the_functions_do() {
    let (_serving, introduction) = Serving::start(&["--dialect", "documented"]);
    let gateway = introduction[0].split(' ').find(|word| word.starts_with("http://")).unwrap().trim_end_matches('.');
    for (line, status, named) in [
        (format!("curl -s '{gateway}/v1/check/avaya?connection=acme&queue=1'"), 404, "\"status\":404"),
        (format!("curl -s '{gateway}/'"), 404, "/v1/check/"),
        (format!("curl -s '{gateway}/v1/check/calltools?queue=1'"), 400, "\"pointer\":\"/connection\""),
        (
            format!("curl -s '{gateway}/v1/check/calltools?connection=acme&queue=1&condition=more'"),
            400,
            "\"pointer\":\"/condition\"",
        ),
        (format!("curl -s -X PUT {gateway}/v1/check/calltools -d '{{}}'"), 405, "GET or POST"),
        (format!("curl -s {gateway}/v1/check/calltools -d '{}'", "x".repeat(300_000)), 413, "larger"),
    ] {
        let (came, body) = send(&line);
        assert_eq!(came, status, "{body}");
        assert!(body.contains(named), "{body}");
    }
    // As documented, Genesys Cloud has `total`, and with it `pageCount`.
    let genesys = introduction.iter().find(|line| line.contains("/genesys-cloud?")).unwrap();
    let (_, body) = send(&genesys.replace("&queue=", "&parse_field=pageCount&queue="));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["reason"], "ok", "{body}");
}
