//! Starting, being full, failing and stopping.

use std::io;
use std::process::Command;

use super::*;

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone, "--listen").unwrap();
    let error = Listener::bind(first.address(), Sharing::Alone, "--listen").unwrap_err();
    let expected = format!(
        "cannot listen on {}: the address is in use by another process; \
         stop it or choose another with --listen",
        first.address()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let error = Listener::bind(([192, 0, 2, 1], 8000).into(), Sharing::Alone, "--listen").unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("cannot listen on 192.0.2.1:8000: this machine does not"), "{said}");
}

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_back() {
    let bench = Bench::start(Limits { connections: 2, ..LIMITS });
    let (mut first, mut second) = (bench.connect().await, bench.connect().await);
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        client.answer().await;
    }
    let mut third = bench.connect().await;
    third.send(GET).await;
    let answer = third.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("Retry-After: 1\r\n") && answer.contains(r#""status":503"#), "{answer}");
    assert_eq!(bench.server.tally().turned_away(), 1);
    drop(first);
    until(|| bench.server.tally().open() == 1).await;
    let mut fourth = bench.connect().await;
    fourth.send(GET).await;
    assert_eq!(statuses(&fourth.answer().await), [200]);
    assert_eq!(bench.probe.paths().len(), 3);
}

#[tokio::test]
async fn connections_are_spread_over_the_workers() {
    let (made, makings) = std::sync::mpsc::channel();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone, "--listen").unwrap();
    let address = listener.address();
    let probes = [Probe::new(), Probe::new()];
    let services = probes.clone();
    let workers = NonZeroUsize::new(2).unwrap();
    let server = Server::start(vec![listener], LIMITS, workers, move |index| {
        made.send((index, std::thread::current().id())).unwrap();
        services[index].clone()
    })
    .unwrap();
    let makings: Vec<_> = makings.try_iter().collect();
    assert_eq!([makings[0].0, makings[1].0], [0, 1]);
    assert_ne!(makings[0].1, makings[1].1);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        client.send(GET).await;
        client.answer().await;
        clients.push(client);
    }
    assert_eq!(probes.each_ref().map(|probe| probe.paths().len()), [2, 2]);
    // The first worker loses both of its connections, so it gets the next two.
    clients.remove(2);
    clients.remove(0);
    until(|| server.tally().open() == 2).await;
    for _ in 0..2 {
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        client.send(GET).await;
        client.answer().await;
        clients.push(client);
    }
    assert_eq!(probes.map(|probe| probe.paths().len()), [4, 2]);
}

#[tokio::test]
async fn a_panic_costs_one_connection() {
    let bench = Bench::start(LIMITS);
    let mut neighbours = Vec::new();
    for _ in 0..4 {
        let mut client = bench.connect().await;
        client.send(GET).await;
        client.answer().await;
        neighbours.push(client);
    }
    let mut client = bench.connect().await;
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.rest().await, "");
    for client in &mut neighbours {
        client.send(GET).await;
        assert_eq!(statuses(&client.answer().await), [200]);
    }
    until(|| bench.server.tally().panicked() == 1).await;
    assert_eq!(bench.server.tally().open(), 4);
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_takes_nothing_new() {
    let bench = Bench::start(LIMITS);
    let mut busy = bench.connect().await;
    busy.send(GET_HOLD).await;
    bench.probe.holds_one().await;
    let (mut idle, mut fresh) = (bench.connect().await, bench.connect().await);
    idle.send(GET).await;
    idle.answer().await;
    fresh.send("GET / HT").await;
    until(|| bench.server.tally().accepted() == 3).await;

    let shutdown = bench.server.shutdown();
    assert!(shutdown.is_ready());
    shutdown.begin();
    assert!(!shutdown.is_ready());
    assert_eq!(idle.rest().await, "");
    assert_eq!(fresh.rest().await, "");
    let refused = TcpStream::connect(bench.address).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    bench.probe.release_one();
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("held"), "{answer}");
    drop((idle, fresh, busy));
    assert_eq!(bench.server.stopped().await, Drained { finished: 1, cut: 0 });
    assert_eq!(bench.probe.paths(), ["/hold", "/"]);
}

#[tokio::test]
async fn a_request_that_crosses_the_stop_is_answered_and_told_it_is_the_last() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send(GET).await;
    client.answer().await;
    bench.server.shutdown().begin();
    client.send(GET).await;
    let answer = client.rest().await;
    assert_eq!(statuses(&answer), [200]);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_connection_the_kernel_has_let_in_is_served_though_the_server_stops() {
    let bench = Bench::start(LIMITS);
    // Nothing is accepted while this thread, on which the accept loop runs, is busy.
    let mut clients: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(bench.address).unwrap()).collect();
    for client in &mut clients {
        io::Write::write_all(client, GET.as_bytes()).unwrap();
    }
    bench.server.shutdown().begin();
    for client in clients {
        client.set_nonblocking(true).unwrap();
        assert_eq!(statuses(&Client(TcpStream::from_std(client).unwrap()).rest().await), [200]);
    }
    assert_eq!(bench.server.tally().panicked(), 0);
    bench.server.stopped().await;
}

#[tokio::test]
async fn a_successor_takes_over_without_a_gap() {
    let address = ([127, 0, 0, 1], 0).into();
    let first = Listener::bind(address, Sharing::WithSuccessor, "--listen").unwrap();
    let second = Listener::bind(first.address(), Sharing::WithSuccessor, "--listen").unwrap();
    let (first, second) = (Bench::start_on(first, LIMITS), Bench::start_on(second, LIMITS));
    let mut waiting = Vec::new();
    for round in 0..200 {
        if round == 100 {
            first.server.shutdown().begin();
        }
        let mut client = first.connect().await;
        client.send(GET).await;
        waiting.push(client);
    }
    for mut client in waiting {
        assert_eq!(statuses(&client.answer().await), [200]);
    }
    let served = [first.probe.paths().len(), second.probe.paths().len()];
    assert_eq!(served[0] + served[1], 200);
    assert!(served[0] > 0 && served[1] > 100, "{served:?}");
}

#[tokio::test]
async fn stopping_cuts_what_does_not_finish_in_time() {
    let limits = Limits { shutdown_timeout: Duration::from_millis(50), ..LIMITS };
    let bench = Bench::start(limits);
    let mut busy = bench.connect().await;
    busy.send(GET_HOLD).await;
    bench.probe.holds_one().await;
    bench.server.shutdown().begin();
    assert_eq!(bench.server.stopped().await, Drained { finished: 0, cut: 1 });
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_cuts() {
    let bench = Bench::start(LIMITS);
    let mut busy = bench.connect().await;
    busy.send(GET_HOLD).await;
    bench.probe.holds_one().await;
    let shutdown = bench.server.shutdown();
    tokio::spawn(shutdown.on_signals().unwrap());
    let this = std::process::id().to_string();
    Command::new("kill").args(["-TERM", &this]).status().unwrap();
    until(|| !shutdown.is_ready()).await;
    Command::new("kill").args(["-INT", &this]).status().unwrap();
    let drained = tokio::time::timeout(HANG / 2, bench.server.stopped()).await.unwrap();
    assert_eq!(drained, Drained { finished: 0, cut: 1 });
}
