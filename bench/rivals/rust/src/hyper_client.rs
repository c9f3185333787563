// A crawler on hyper's client with its pool, on one thread: as many tasks as there may be fetches at once.
use hyper::{body, client::HttpConnector, Client, Uri};
use std::cell::Cell;
use std::io::BufRead;
use std::rc::Rc;
use std::time::Instant;
use tokio::task::LocalSet;

fn option(name: &str) -> String {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name).expect("--port P --page /BYTES --concurrency N");
    words[at + 1].clone()
}

async fn fetch_some(client: Client<HttpConnector>, url: Uri, left: Rc<Cell<u64>>, bytes: Rc<Cell<usize>>) {
    while left.get() > 0 {
        left.set(left.get() - 1);
        let page = client.get(url.clone()).await.expect("fetch");
        let size = body::to_bytes(page.into_body()).await.expect("body").len();
        bytes.set(bytes.get() + size);
    }
}

fn main() {
    let url: Uri = format!("http://127.0.0.1:{}{}", option("--port"), option("--page")).parse().expect("url");
    let concurrency: usize = option("--concurrency").parse().expect("number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector> = Client::builder().pool_max_idle_per_host(concurrency).build(connector);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let fetches: u64 = line.unwrap().trim_start_matches("run ").parse().expect("run N");
        let (left, bytes) = (Rc::new(Cell::new(fetches)), Rc::new(Cell::new(0)));
        let start = Instant::now();
        LocalSet::new().block_on(&runtime, async {
            let workers: Vec<_> = (0..concurrency)
                .map(|_| tokio::task::spawn_local(fetch_some(client.clone(), url.clone(), left.clone(), bytes.clone())))
                .collect();
            for each in workers {
                each.await.expect("worker");
            }
        });
        let took = start.elapsed().as_nanos();
        println!("{{\"messages\":{fetches},\"elapsed_ns\":{took},\"bytes\":{}}}", bytes.get());
    }
}
