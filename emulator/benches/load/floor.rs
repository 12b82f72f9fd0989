//! The least that a server does: hyper and nothing else, answering the bytes that it was given. Ends when standard input closes.

use std::convert::Infallible;
use std::path::Path;

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

pub async fn run(get: &Path, put: &Path) {
    let [get, put] = [get, put].map(|file| Bytes::from(std::fs::read(file).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    println!("{}", serde_json::json!({"service": format!("http://{address}")}));
    let (mut input, mut ignored) = (tokio::io::stdin(), [0]);
    tokio::select! {
        () = serve(listener, get, put) => {}
        _ = input.read(&mut ignored) => {}
    }
}

async fn serve(listener: TcpListener, get: Bytes, put: Bytes) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (get, put) = (get.clone(), put.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = if request.method() == Method::PUT { put.clone() } else { get.clone() };
            async move {
                // As the emulator must, too.
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(Response::new(Full::new(answer)))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
