//! How often a route may be used, by whom: counted exactly, also when everybody asks at once.

use std::thread;

use doorward_tests::upstream::Upstream;
use doorward_tests::{Setup, Store};

#[test]
fn a_rate_holds_exactly_for_each_person_and_says_when_to_come_again() {
    let upstream = Upstream::echo();
    let route = |name: &str, rate: &str| {
        let at = upstream.url();
        format!(
            "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\nmethods = [\"GET\"]\nupstream = \"{at}\"\nrate = \"{rate}\"\n"
        )
    };
    let toml =
        route("person", "5/1h per user") + &route("all", "3/1h per route") + &route("address", "4/1h per address");
    let doorward = Setup::on(Store::Sqlite).file(&toml).start();
    let tokens = ["ann", "ben"].map(|name| doorward.person(name).access_token);
    let passed = |path: &str, token: &str| {
        let ask = || doorward.get(path).bearer(token).send().status;
        thread::scope(|scope| {
            let asked: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
            let statuses = asked.into_iter().map(|asked| asked.join().expect("an answer"));
            statuses
                .inspect(|status| assert!(matches!(status, 200 | 429), "{status}"))
                .filter(|status| *status == 200)
                .count()
        })
    };
    assert_eq!([passed("/person", &tokens[0]), passed("/person", &tokens[1])], [5, 5]);
    assert_eq!(passed("/all", &tokens[0]) + passed("/all", &tokens[1]), 3);
    assert_eq!(passed("/address", &tokens[0]) + passed("/address", &tokens[1]), 4);
    assert_eq!(upstream.pending().len(), 17, "what was refused reached nobody");
    let refused = doorward.get("/person").bearer(&tokens[0]).send();
    assert!(refused.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok_and(|after| after > 0)));
    refused.problem(429);
}
