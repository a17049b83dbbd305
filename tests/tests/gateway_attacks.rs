//! Ways by which other gateways were passed or brought down, with their variants: none works here.

use std::io::Write as _;
use std::time::{Duration, Instant};

use doorward_tests::hosted::{COOKIE, FRONTEND, Place};
use doorward_tests::liar::{Liar, Lie};
use doorward_tests::upstream::Upstream;
use doorward_tests::visitor::Visitor;
use doorward_tests::{Doorward, Person, Setup, Store};

const ROUTES: &str = r#"
[[routes]]
name = "members"
path = "/members/*"
methods = ["GET", "POST"]
upstream = "{at}/members"
inject = { headers = true }
[[routes]]
name = "designers"
path = "/designers/*"
methods = ["GET"]
upstream = "{at}/designers"
require = { teams = ["Design"] }
[[routes]]
name = "open"
path = "/open/*"
methods = ["GET"]
upstream = "{at}/open"
require = { public = true }
inject = { headers = true }
[[routes]]
name = "told"
path = "/told"
methods = ["POST"]
upstream = "{at}/told"
inject = { json = "user_id" }
"#;

fn start(upstream: &Upstream) -> (Doorward, Person) {
    let doorward = Setup::on(Store::Sqlite).file(&ROUTES.replace("{at}", &upstream.url())).start();
    let person = doorward.person("user");
    (doorward, person)
}

fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[test]
fn no_value_of_any_header_opens_a_protected_route() {
    let upstream = Upstream::echo();
    let (doorward, _) = start(&upstream);
    for (name, value) in [
        ("User-Agent", "GoogleHC/1.0"),
        ("User-Agent", "kube-probe/1.29"),
        ("User-Agent", "ELB-HealthChecker/2.0"),
        ("X-Middleware-Subrequest", "middleware:middleware:middleware:middleware:middleware"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Original-URL", "/open/x"),
        ("X-Rewrite-URL", "/open/x"),
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X-User-Email", "user@example.com"),
        ("X_User_Email", "user@example.com"),
        ("X-User-Id", "1"),
        ("X-Doorward-Assertion", "e30.e30."),
        ("Forwarded", "for=127.0.0.1;proto=https"),
        ("Referer", "http://localhost:8000/open/x"),
        ("Host", "localhost:9000"),
    ] {
        doorward.get("/members/x").header(name, value).send().problem(401);
        assert!(upstream.pending().is_empty(), "{name}: {value} opened the route");
    }
    for target in ["/members/x?/open/x", "/members/x?x=/open/x", "/members/x?#/open/x", "/open/x/../../members/x"] {
        let answer = doorward.client().raw(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(matches!(answer.status, 400 | 401), "{target}: {}", answer.status);
        assert!(upstream.pending().is_empty(), "{target} opened the route");
    }
}

#[test]
fn a_token_that_counts_on_one_route_gives_nothing_on_another() {
    let upstream = Upstream::echo();
    let (doorward, person) = start(&upstream);
    for _ in 0..3 {
        doorward.get("/members/x").bearer(&person.access_token).send().expect(200);
        doorward.get("/designers/x").bearer(&person.access_token).send().problem(403);
    }
    let reached: Vec<_> = upstream.pending().iter().map(|received| received.target().to_owned()).collect();
    assert_eq!(reached, ["/members/x"; 3]);
}

#[test]
fn a_cookie_that_is_not_in_order_counts_as_none() {
    let place = Place::choose();
    let upstream = Upstream::echo();
    let liar = Liar::telling(Lie::none());
    let doorward = place.setup(&(liar.settings("main") + &ROUTES.replace("{at}", &upstream.url()))).start();
    let mut visitor = Visitor::new();
    visitor.follow(&place.login(), FRONTEND);
    let handle = place.session(&visitor).expect("a session cookie");
    let ask = |path: &str, cookie: &str| doorward.get(path).header("Cookie", cookie).send();
    ask("/members/x", &format!("{COOKIE}={handle}")).expect(200);
    ask("/members/x", &format!("a=1; {COOKIE}={handle}; b=2")).expect(200);
    assert_eq!(upstream.pending().len(), 2);
    let last = &handle[..handle.len() - 1];
    for cookie in [
        String::new(),
        COOKIE.to_owned(),
        format!("{COOKIE}="),
        format!("{COOKIE}={last}"),
        format!("{COOKIE}={handle}A"),
        format!("{COOKIE}=\"{handle}\""),
        format!("{COOKIE}={handle}; {COOKIE}={handle}"),
        format!("{COOKIE}={handle}; {COOKIE}=other"),
        format!("{COOKIE}=other; {COOKIE}={handle}"),
        format!("{COOKIE}={handle}; ACCESS_TOKEN=other"),
        format!("{COOKIE}={handle}; __Host-{COOKIE}=other"),
        format!("{COOKIE}={handle}; __Secure-{COOKIE}=other"),
        format!("$Version=1; {COOKIE}={handle}; {COOKIE}=other"),
        format!("ACCESS_TOKEN={handle}"),
        format!("\u{2000}{COOKIE}={handle}"),
        format!("{COOKIE}\u{a0}={handle}"),
        format!("{COOKIE}%3D{handle}"),
        format!("{COOKIE}={}", handle.to_uppercase()),
        format!("{COOKIE}={}", "x".repeat(6000)),
        format!("other={handle}"),
    ] {
        let answer = ask("/members/x", &cookie);
        assert!(matches!(answer.status, 400 | 401), "{cookie}: {}", answer.status);
        assert!(upstream.pending().is_empty(), "{cookie} passed");
        // Where nobody has to be known, it is nobody who comes; a cookie of another name is the client's own affair.
        if ask("/open/x", &cookie).status == 200 {
            let received = upstream.next();
            assert!(received.headers("x-user-id").is_empty(), "{cookie}: {}", received.head);
            let foreign = cookie.starts_with("other=") || cookie.contains("%3D");
            assert!(!received.head.contains("dws_") || foreign, "{}", received.head);
        }
    }
}

#[test]
fn neither_answers_nor_pages_show_a_token_of_the_provider() {
    let place = Place::choose();
    let liar = Liar::telling(Lie::none());
    let doorward = place.setup(&liar.settings("main")).start();
    let mut visitor = Visitor::new();
    visitor.follow(&place.login(), FRONTEND);
    for target in
        ["/api/v1/users/me", "/api/v1/users/me/sessions", "/api/v1/users/me/identities", "/api/v1/auth/status"]
    {
        let text = visitor.ask(&place.page(target), |client, target| client.get(target)).expect(200).text();
        assert!(
            !text.contains("access-token-of") && !text.contains("eyJ") && !text.contains("dws_"),
            "{target}: {text}"
        );
    }
    let stored = doorward.setup().database().query("select * from sessions");
    assert!(!stored.contains("access-token-of"), "the provider's tokens are sealed");
    let log = doorward.log();
    let handle = place.session(&visitor).expect("a session cookie");
    assert!(!log.contains("access-token-of") && !log.contains(&handle) && !log.contains("code="), "{log}");
}

#[test]
fn an_upstream_that_never_ends_its_head_costs_no_memory() {
    let upstream = Upstream::answering(|_, stream| {
        let mut open = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Long: ").is_ok();
        while open {
            open = stream.write_all(&[b'x'; 16 * 1024]).is_ok();
        }
    });
    let (doorward, person) = start(&upstream);
    let before = resident_mib(doorward.pid());
    for _ in 0..4 {
        // Soon it is left alone for a while.
        let status = doorward.get("/members/x").bearer(&person.access_token).send().status;
        assert!(matches!(status, 502 | 503), "{status}");
    }
    let grown = resident_mib(doorward.pid()) - before;
    assert!(grown < 32, "{grown} MiB");
}

#[test]
fn odd_framing_of_an_upstream_is_no_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "not http at all\r\n\r\n",
        "",
    ] {
        let upstream = Upstream::answering(move |_, stream| {
            // Whoever hangs up does so on purpose.
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let (doorward, person) = start(&upstream);
        let status = doorward.get("/members/x").bearer(&person.access_token).send().status;
        assert!(matches!(status, 502 | 503), "{answer:?}: {status}");
    }
}

#[test]
fn hundreds_of_stalled_connections_keep_nobody_else_waiting() {
    let upstream = Upstream::echo();
    let (doorward, person) = start(&upstream);
    let stalled: Vec<_> = (0..500)
        .map(|number| {
            let mut wire = doorward.client().connect();
            wire.send(match number % 3 {
                0 => "",
                1 => "GET /members/x HTTP/1.1\r\nHost: h\r\nX: ",
                _ => "POST /told HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
            });
            wire
        })
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        doorward.get("/members/x").bearer(&person.access_token).send().expect(200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "twenty requests took {:?}", began.elapsed());
    drop(stalled);
}

#[test]
fn a_body_of_a_million_keys_or_levels_costs_little() {
    let upstream = Upstream::echo();
    let doorward = Setup::on(Store::Sqlite)
        .file(
            &ROUTES
                .replace("{at}", &upstream.url())
                .replace("inject = { json", "body_limit = \"32MiB\"\ninject = { json"),
        )
        .start();
    let person = doorward.person("user");
    let keys: Vec<_> = (0..1_000_000).map(|number| format!("\"k{number}\":0")).collect();
    let wide = format!("{{{}}}", keys.join(","));
    let same = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(1_000_000));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    for body in [wide, same, deep] {
        let began = Instant::now();
        let request = doorward.post("/told").bearer(&person.access_token).text("application/json", &body);
        // Refusing early may close the connection while the body is still being written.
        let answered = request.try_send().map(|answer| answer.status);
        assert!(matches!(answered, Ok(200 | 400 | 413) | Err(_)), "{answered:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        doorward.get("/livez").send().expect(200);
    }
}

#[test]
fn a_narrow_route_is_not_passed_by_a_wide_one_that_is_open() {
    let upstream = Upstream::echo();
    let at = upstream.url();
    let toml = format!(
        "[[routes]]\nname = \"admin\"\npath = \"/open/admin/*\"\nmethods = [\"GET\"]\nupstream = \"{at}/admin\"\n\
         require = {{ roles = [\"admin\"] }}\n\
         [[routes]]\nname = \"open\"\npath = \"/open/*\"\nupstream = \"{at}\"\nrequire = {{ public = true }}\n"
    );
    let doorward = Setup::on(Store::Sqlite).file(&toml).start();
    let person = doorward.person("user");
    for target in ["/open/admin", "/open/admin/", "/open/admin/x"] {
        doorward.get(target).send().problem(401);
        doorward.get(target).bearer(&person.access_token).send().problem(403);
        doorward.request("POST", target).send().problem(405);
    }
    for target in ["/open//admin/x", "/open/./admin/x", "/open/x/../admin/x", "/open/%61dmin/x", "/open/admin;/x"] {
        let answer = doorward.client().raw(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert_eq!(answer.status, 400, "{target}");
    }
    assert!(upstream.pending().is_empty());
    doorward.get("/open/administrators").send().expect(200);
}
