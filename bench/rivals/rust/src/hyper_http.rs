// HTTP hello on hyper, on one thread, for HTTP/1.1 and HTTP/2. hyper sets Date and Content-Length by itself.
// --tls FOLDER: with the cert.der and key.der in it, by rustls.
use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{Body, Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::rustls::{Certificate, PrivateKey, ServerConfig};
use tokio_rustls::TlsAcceptor;

async fn hello(asked: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (status, body) = match asked.uri().path() {
        "/" => (StatusCode::OK, "Hello, World!"),
        _ => (StatusCode::NOT_FOUND, "Not Found"),
    };
    let answer = Response::builder().status(status).header("Content-Type", "text/plain").body(Body::from(body));
    Ok(answer.unwrap())
}

fn acceptor(folder: &str) -> std::io::Result<TlsAcceptor> {
    let certificate = Certificate(std::fs::read(format!("{folder}/cert.der"))?);
    let key = PrivateKey(std::fs::read(format!("{folder}/key.der"))?);
    let mut config = ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|each| each != name).nth(1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = argument("--port").unwrap_or("0".into());
    let secure = argument("--tls").map(|folder| acceptor(&folder)).transpose()?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        let secure = secure.clone();
        tokio::spawn(async move {
            let mut http = Http::new();
            http.pipeline_flush(true);
            match secure {
                None => _ = http.serve_connection(peer, service_fn(hello)).await,
                Some(secure) => {
                    if let Ok(stream) = secure.accept(peer).await {
                        _ = http.serve_connection(stream, service_fn(hello)).await;
                    }
                }
            }
        });
    }
}
