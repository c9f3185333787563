// HTTP hello on hyper, on one thread. hyper sets Date and Content-Length by itself.
use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{Body, Request, Response, StatusCode};
use std::convert::Infallible;
use tokio::net::TcpListener;

async fn hello(asked: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (status, body) = match asked.uri().path() {
        "/" => (StatusCode::OK, "Hello, World!"),
        _ => (StatusCode::NOT_FOUND, "Not Found"),
    };
    let answer = Response::builder().status(status).header("Content-Type", "text/plain").body(Body::from(body));
    Ok(answer.unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(2).unwrap_or("0".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        tokio::spawn(Http::new().http1_only(true).pipeline_flush(true).serve_connection(peer, service_fn(hello)));
    }
}
