// Very many tasks of tokio that sleep, on one thread.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static AWAKE: AtomicU64 = AtomicU64::new(0);

fn option(name: &str) -> String {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name).expect("--count N --seconds S");
    words[at + 1].clone()
}

fn wait_for_line() {
    std::io::stdin().read_line(&mut String::new()).expect("stdin");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let count: usize = option("--count").parse().expect("number");
    let how_long = Duration::from_secs_f64(option("--seconds").parse().expect("seconds"));
    println!("ready");
    wait_for_line();
    let everybody: Vec<_> = (0..count)
        .map(|_| {
            tokio::spawn(async move {
                tokio::time::sleep(how_long).await;
                AWAKE.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();
    tokio::task::spawn(async {}).await.expect("the last in line"); // All have begun.
    assert!(AWAKE.load(Ordering::Relaxed) == 0, "some woke before all slept: they must sleep longer");
    println!("asleep");
    for each in everybody {
        each.await.expect("sleeper");
    }
    println!("awake");
    wait_for_line();
}
