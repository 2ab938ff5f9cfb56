//! Clients that follow the Endpoints of a Service, as kube-proxy and load balancers do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cluster::Namespace;
use crate::engine::{eventually, get};

/// How late the clients apply a change. Those of a real cluster are late too.
const DELAY: Duration = Duration::from_millis(500);
/// The time between two requests of a client, so that the clients do not need the whole machine.
const PAUSE: Duration = Duration::from_millis(3);

pub(crate) struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// The addresses of the Endpoints, each list with the time at which it was published.
    published: Mutex<Vec<(Instant, Vec<String>)>>,
    requests: AtomicUsize,
    failures: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl Traffic {
    /// Starts to send requests to the ready pods of this Service.
    pub(crate) fn start(namespace: &Namespace, service: &str) -> Self {
        let path = r#"{.subsets[*].addresses[*].ip}{"\n"}"#;
        let line = format!("get endpoints {service} --watch --output jsonpath={path}");
        let mut watch = namespace.start(&line);
        let shared = Arc::new(Shared::default());
        shared.publish(&watch.next().unwrap());
        let watcher = shared.clone();
        thread::spawn(move || {
            // Ends with the namespace, which deletes the Endpoints, or with this process.
            for line in watch.by_ref().take_while(|_| !watcher.is_over()) {
                watcher.publish(&line);
            }
        });
        let clients = (0..2).map(|_| {
            let client = shared.clone();
            thread::spawn(move || client.send_requests())
        });
        let clients = clients.collect();
        Self { shared, clients }
    }

    /// Waits until there were so many requests, and returns how many there were and which have failed.
    pub(crate) fn end(self, at_least: usize) -> (usize, Vec<String>) {
        eventually("enough requests", || {
            let requests = self.shared.requests.load(Ordering::Relaxed);
            (requests >= at_least).then_some(())
        });
        self.shared.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
        let requests = self.shared.requests.load(Ordering::Relaxed);
        let failures = self.shared.failures.lock().unwrap().clone();
        (requests, failures)
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn publish(&self, line: &str) {
        let addresses = line.split_whitespace().map(str::to_owned).collect();
        let published = (Instant::now(), addresses);
        self.published.lock().unwrap().push(published);
    }

    /// The addresses as a client knows them.
    fn addresses(&self) -> Vec<String> {
        let published = self.published.lock().unwrap();
        let known = published.iter().rfind(|(at, _)| at.elapsed() >= DELAY);
        let (_, addresses) = known.or(published.first()).unwrap();
        addresses.clone()
    }

    fn send_requests(&self) {
        while !self.is_over() {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            let addresses = self.addresses();
            // Without any address the request fails too.
            let address = addresses.iter().cycle().nth(number % 2);
            let answer = address.and_then(|address| get(&format!("{address}:8000"), "/"));
            if !answer.is_some_and(|answer| answer.ends_with(" reloads\n")) {
                let failure = format!("request {number} to {address:?}");
                self.failures.lock().unwrap().push(failure);
            }
            thread::sleep(PAUSE);
        }
    }
}
