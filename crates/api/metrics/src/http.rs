//! One connection: one question, one answer, in bounded time and memory. Spec: metrics-3, metrics-4, metrics-11.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// Until a client has said what it wants.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// Until it has its answer; Prometheus itself waits as long unless it is told otherwise.
const CONNECTION_MAX: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8192;
/// Fields of a request's head.
const HEAD_FIELDS_MAX: usize = 64;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";
const PAGE: &str = "text/html; charset=utf-8";
const START: &str = "<!doctype html><title>Ravelin</title><p><a href=\"/metrics\">Metrics</a>\n";

/// Where answers come from.
pub trait Answers: Send + Sync + 'static {
    /// The text in both forms, as new as it has to be; `None`: there is none.
    fn text(&self) -> impl Future<Output = Option<Text>> + Send;
}

/// An answer in both forms.
#[derive(Clone, Debug)]
pub struct Text {
    pub open_metrics: Bytes,
    pub plain: Bytes,
}

/// Serves one connection to its end, whatever the other side does.
pub async fn serve<S, A>(stream: S, answers: &A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    A: Answers,
{
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, answers).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEAD_FIELDS_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How a client fails is its own affair.
    let _ = timeout(CONNECTION_MAX, connection).await;
}

async fn answer<A: Answers>(request: &Request<Incoming>, answers: &A) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = said(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => match answers.text().await {
            Some(text) if wants_open_metrics(request) => told(OPEN_METRICS, text.open_metrics),
            Some(text) => told(PLAIN, text.plain),
            None => said(StatusCode::SERVICE_UNAVAILABLE, "nothing could be gathered\n"),
        },
        "/" => told(PAGE, Bytes::from_static(START.as_bytes())),
        _ => said(StatusCode::NOT_FOUND, "there is only /metrics\n"),
    }
}

fn wants_open_metrics(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let mut words = kind.split(';').map(str::trim);
        // A weight of nothing is a refusal.
        words.next() == Some("application/openmetrics-text") && !words.any(|word| word == "q=0")
    })
}

fn told(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = told("text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    struct Fixed;

    impl Answers for Fixed {
        async fn text(&self) -> Option<Text> {
            Some(Text { open_metrics: "open # EOF\n".into(), plain: "plain\n".into() })
        }
    }

    /// What a client gets that sends this and then waits.
    async fn ask(sent: &str) -> String {
        let (mut client, server) = duplex(64 * 1024);
        let serving = async { serve(server, &Fixed).await };
        let asking = async move {
            client.write_all(sent.as_bytes()).await.unwrap();
            let mut got = Vec::new();
            let _ = client.read_to_end(&mut got).await;
            String::from_utf8(got).unwrap()
        };
        let ((), got) = tokio::join!(serving, asking);
        got
    }

    #[track_caller]
    fn check(got: &str, status: &str, contains: &[&str]) {
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{got}");
        for text in contains {
            assert!(got.contains(text), "{text} in {got}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_form_is_the_one_that_is_accepted() {
        let got = ask("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
        check(
            &got,
            "200",
            &["content-type: text/plain; version=0.0.4", "connection: close", "\r\n\r\nplain\n"],
        );
        let accept = "accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5";
        let got = ask(&format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{accept}\r\n\r\n")).await;
        check(&got, "200", &[OPEN_METRICS, "\r\n\r\nopen # EOF\n"]);
        let refused = "accept: application/openmetrics-text;q=0,text/plain";
        let got = ask(&format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{refused}\r\n\r\n")).await;
        check(&got, "200", &["\r\n\r\nplain\n"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_there_and_nothing_can_be_changed() {
        check(&ask("GET /../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n").await, "404", &[]);
        check(&ask("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await, "200", &["href=\"/metrics\""]);
        let got = ask("POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc").await;
        check(&got, "405", &["allow: GET, HEAD"]);
        let head = ask("HEAD /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
        check(&head, "200", &["content-length: 6"]);
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    /// Slowloris, an endless head, a client that sends nothing: all end, in virtual time.
    #[tokio::test(start_paused = true)]
    async fn a_hostile_client_is_rid_of_in_bounded_time_and_memory() {
        let began = tokio::time::Instant::now();
        for sent in ["", "GET /metr", "GET /metrics HTTP/1.1\r\nhost: a\r\nx: y\r\n"] {
            let began = tokio::time::Instant::now();
            ask(sent).await;
            assert!(began.elapsed() <= HEAD_MAX + Duration::from_millis(1), "{sent}");
        }
        let endless = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(2 * HEAD_BYTES_MAX));
        check(&ask(&endless).await, "431", &[]);
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(HEAD_FIELDS_MAX + 1));
        check(&ask(&many).await, "431", &[]);
        check(&ask("\0\0\0\0 nonsense\r\n\r\n").await, "400", &[]);
        assert!(began.elapsed() < 4 * CONNECTION_MAX);
    }

    /// It asks and does not read the answer.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (mut client, server) = duplex(8);
        let began = tokio::time::Instant::now();
        let asking = async move {
            let _ = client.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
            // Open, and silent.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = serve(server, &Fixed) => {}
            () = asking => {}
        }
        assert_eq!(began.elapsed(), CONNECTION_MAX);
    }
}
