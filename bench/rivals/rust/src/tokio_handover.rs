// The things of ../../../handover.cpp on tokio, on one thread.
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, Mutex, Notify};
use tokio::task::{spawn_local, yield_now, LocalSet};

const CROWD: usize = 1000;

fn cpu_ns() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn say(name: &str, count: usize, mut samples: Vec<f64>) {
    samples.sort_by(f64::total_cmp);
    println!("{{\"name\": \"{name}\", \"ns\": {:.2}}}", samples[samples.len() / 2] / count as f64);
}

async fn queue(n: usize) {
    let (put, mut take) = mpsc::channel::<usize>(1);
    let consumer = spawn_local(async move { while take.recv().await.is_some() {} });
    for i in 0..n {
        put.send(i).await.expect("send");
    }
    drop(put);
    consumer.await.expect("consumer");
}

async fn spawn_and_join(n: usize) {
    for _ in 0..n {
        spawn_local(async {}).await.expect("child");
    }
}

async fn mutex(n: usize) {
    let one = Arc::new(Mutex::new(()));
    let both: Vec<_> = (0..2)
        .map(|_| {
            let one = one.clone();
            spawn_local(async move {
                for _ in 0..n / 2 {
                    let _held = one.lock().await;
                    yield_now().await;
                }
            })
        })
        .collect();
    for each in both {
        each.await.expect("locker");
    }
}

async fn event(n: usize) {
    let go = Rc::new(Notify::new());
    let woken = Rc::new(Cell::new(0));
    let waiting: Vec<_> = (0..CROWD)
        .map(|_| {
            let (go, woken) = (go.clone(), woken.clone());
            spawn_local(async move {
                for _ in 0..n / CROWD {
                    go.notified().await;
                    woken.set(woken.get() + 1);
                }
            })
        })
        .collect();
    // Not everybody has had a turn when a yield is over, so wakes are counted.
    yield_now().await;
    while woken.get() < n / CROWD * CROWD {
        go.notify_waiters();
        yield_now().await;
    }
    for each in waiting {
        each.await.expect("waiter");
    }
}

macro_rules! time {
    ($name:expr, $count:expr, $work:ident) => {
        let tiny = std::env::args().any(|word| word == "--tiny");
        let count = if tiny { ($count / 1000).max(CROWD) } else { $count };
        let mut samples = Vec::new();
        for _ in 0..if tiny { 1 } else { 5 } {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
            let start = cpu_ns();
            LocalSet::new().block_on(&runtime, $work(count));
            samples.push(cpu_ns() - start);
        }
        say($name, count, samples);
    };
}

fn main() {
    time!("queue", 1_000_000, queue);
    time!("spawn and join", 1_000_000, spawn_and_join);
    time!("mutex", 500_000, mutex);
    time!("event", 1_000_000, event);
}
