//! Client and server over a socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ravelin_cli::{Client, Ending, Limits, Options, Peer, run, serve};
use ravelin_ops::Candidate;
use ravelin_ops::wire::{Request, Response};

/// A daemon that says what it was asked, once a session counts its lines.
fn talk(lines: &mut u32, request: Request) -> Response {
    *lines += 1;
    let prompt = format!("{lines}> ");
    match request {
        Request::Run { line, text } => Response {
            error: line == "fail",
            closed: line == "quit",
            configuration: line == "configure",
            output: format!("{line} {text:?}\n"),
            follow: line == "monitor",
            ask: (line == "exit").then(|| "Sure? ".to_owned()),
            prompt,
            ..Response::default()
        },
        Request::More => Response { follow: *lines < 4, closed: *lines == 4, prompt, ..Response::default() },
        Request::Answer { yes } => {
            Response { output: format!("yes: {yes}\n"), prompt, closed: yes, ..Response::default() }
        }
        Request::Complete { line } => {
            Response { candidates: vec![Candidate::new(line, "help")], prompt, ..Response::default() }
        }
    }
}

struct Daemon {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cli.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let open = |peer: Peer| {
            assert_eq!(peer.pid, std::process::id() as i32);
            let mut lines = 0;
            Some(move |request: Request| talk(&mut lines, request))
        };
        let thread = thread::spawn(move || serve(&listener, limits, &flag, open));
        Self { path, stop, thread: Some(thread), _folder: folder }
    }

    fn commands(&self, commands: &str) -> Ending {
        run(&Options { socket: self.path.clone(), commands: Some(commands.to_owned()) }).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(&self.path);
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))));
    }
}

#[test]
fn a_connection_is_a_session() {
    let daemon = Daemon::start(Limits::default());
    let mut one = Client::connect(&daemon.path).unwrap();
    let mut two = Client::connect(&daemon.path).unwrap();
    assert_eq!(one.run("show", Some("x\ny".into())).unwrap().output, "show Some(\"x\\ny\")\n");
    assert_eq!(one.complete("sh").unwrap().candidates, [Candidate::new("sh", "help")]);
    assert_eq!(one.run("", None).unwrap().prompt, "3> ");
    assert_eq!(two.run("", None).unwrap().prompt, "1> ");
    assert!(one.run("quit", None).unwrap().closed);
    assert!(one.run("more", None).is_err());
}

/// It is closed by the third answer to it; what stands behind is not run any more.
#[test]
fn what_goes_on_is_asked_for_until_it_ends() {
    let daemon = Daemon::start(Limits::default());
    assert_eq!(daemon.commands("monitor; fail"), Ending::Good);
    assert_eq!(daemon.commands("fail; monitor"), Ending::Failed);
}

#[test]
fn connections_are_bounded() {
    let daemon = Daemon::start(Limits { connections: 1, ..Limits::default() });
    let mut one = Client::connect(&daemon.path).unwrap();
    one.run("", None).unwrap();
    let mut two = BufReader::new(UnixStream::connect(&daemon.path).unwrap());
    let mut line = String::new();
    two.read_line(&mut line).unwrap();
    assert!(line.contains("too many sessions"), "{line}");
}

#[test]
fn the_protocol_is_a_line_of_json_each_way() {
    let daemon = Daemon::start(Limits { line_bytes: 64, ..Limits::default() });
    let stream = UnixStream::connect(&daemon.path).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut ask = |question: &str| {
        writer.write_all(question.as_bytes()).unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(
        ask("{\"run\":{\"line\":\"hi\"}}\n"),
        "{\"output\":\"hi None\\n\",\"error\":false,\"prompt\":\"1> \",\"configuration\":false,\"candidates\":[],\"closed\":false}\n"
    );
    assert!(ask("{\"complete\":{\"line\":\"a\"}}\n").contains("{\"word\":\"a\",\"help\":\"help\"}"));
    assert!(ask("nonsense\n").contains("malformed request"));
    let long = UnixStream::connect(&daemon.path).unwrap();
    (&long).write_all(&[b'x'; 80]).unwrap();
    (&long).write_all(b"\n").unwrap_or_default();
    let mut line = String::new();
    assert_eq!(BufReader::new(long).read_line(&mut line).unwrap_or(0), 0, "a line too long ends the session");
}

#[test]
fn commands_stop_at_the_first_failure() {
    let daemon = Daemon::start(Limits::default());
    assert_eq!(daemon.commands("show a; show b"), Ending::Good);
    assert_eq!(daemon.commands("show a; fail; show b"), Ending::Failed);
    assert_eq!(daemon.commands("quit; fail"), Ending::Good);
    assert_eq!(daemon.commands("configure; load set /nowhere/at/all"), Ending::Failed);
}

#[test]
fn a_script_takes_what_a_question_suggests() {
    let daemon = Daemon::start(Limits::default());
    assert_eq!(daemon.commands("show a; exit; fail"), Ending::Good, "the session ended with the answer");
    let mut client = Client::connect(&daemon.path).unwrap();
    assert_eq!(client.run("exit", None).unwrap().ask.as_deref(), Some("Sure? "));
    assert_eq!(client.answer(false).unwrap().output, "yes: false\n");
}

#[test]
fn output_goes_to_the_operators_files() {
    let daemon = Daemon::start(Limits::default());
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let text = |name: &str| std::fs::read_to_string(place(name)).unwrap();
    assert_eq!(daemon.commands(&format!("show a | save {}", place("saved").display())), Ending::Good);
    assert_eq!(text("saved"), "show a None\n");
    assert_eq!(daemon.commands(&format!("show b | count | tee {}", place("teed").display())), Ending::Good);
    assert_eq!(text("teed"), "show b | count None\n");
    assert_eq!(daemon.commands(&format!("fail | save {}", place("failed").display())), Ending::Failed);
    assert!(!place("failed").exists(), "an error is no output");
    assert_eq!(daemon.commands("show a | save /nowhere/at/all"), Ending::Failed);
}
