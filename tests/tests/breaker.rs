//! A service that fails again and again is left alone for a while, and found again when it is well.

use std::io::Read as _;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::{Setup, Store};

#[test]
fn a_service_that_keeps_failing_is_left_alone_until_it_is_well() {
    let ill = Arc::new(AtomicBool::new(true));
    let is_ill = Arc::clone(&ill);
    let upstream = Upstream::answering(move |_, stream| {
        if is_ill.load(Ordering::Relaxed) {
            // Neither an answer nor a word of one.
            let _ = stream.shutdown(Shutdown::Both);
            let _ = stream.read(&mut [0; 1]);
        } else {
            respond(stream, "200 OK", "text/plain", "well");
        }
    });
    let route =
        "[[routes]]\nname = \"one\"\npath = \"/one\"\nmethods = [\"POST\"]\nrequire = { public = true }\nupstream = ";
    let doorward = Setup::on(Store::Sqlite).file(&format!("{route}\"{}/one\"\n", upstream.url())).start();
    let ask = || doorward.post("/one").text("text/plain", "x").send();
    let refused = until("the breaker opens", PATIENCE, || Some(ask()).filter(|answer| answer.status == 503));
    assert!(refused.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()));
    refused.problem(503);
    upstream.pending();
    ask().problem(503);
    assert!(upstream.pending().is_empty(), "it is left alone");
    ill.store(false, Ordering::Relaxed);
    let well = until("it is found again", PATIENCE, || Some(ask()).filter(|answer| answer.status == 200));
    assert_eq!(well.text(), "well");
}
