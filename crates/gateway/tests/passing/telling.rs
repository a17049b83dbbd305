//! Headers and assertions that tell a service who calls, and their absence where there is nothing to tell.

use doorward_gateway::route::Route;
use doorward_gateway::{Inject, Require};
use http::Method;

use crate::service::{Received, Service};
use crate::stage::{ALICE, Stage, anonymous, request, route, whole};

const NAMES: [&str; 7] = [
    "x-user-id",
    "x-user-email",
    "x-user-name",
    "x-user-roles",
    "x-user-teams",
    "x-user-domains",
    "x-doorward-assertion",
];

fn told(received: &Received) -> Vec<Vec<&str>> {
    NAMES.iter().map(|name| received.header(name)).collect()
}

#[tokio::test]
async fn a_service_is_told_in_headers_whatever_the_client_says_itself() {
    let mut service = Service::start().await;
    let inject = Inject { headers: true, assertion: true, ..Inject::default() };
    let stage = Stage::new(Route { inject, ..route(&format!("{}/in", service.url)) });
    let assertion = format!("{ALICE}.{}.request-7", service.url);
    for nominated in ["close", "x-user-id, X-User-Email, x-doorward-assertion"] {
        let forging = NAMES.iter().fold(request(Method::GET, "/x/a"), |builder, name| builder.header(*name, "forged"));
        let forging = forging.header("X_User_Id", "forged").header("connection", nominated);
        assert_eq!(stage.send(forging.body(whole("")).unwrap()).await.status(), 200);
        let received = service.next().await;
        assert!(!received.head.contains("forged"), "{}", received.head);
        let expected = [
            &[ALICE][..],
            &["someone@example.com"],
            &[],
            &["user,editor"],
            &["Design"],
            &["product"],
            &[assertion.as_str()],
        ];
        assert_eq!(told(&received), expected);
    }
}

#[tokio::test]
async fn nobody_is_told_as_nobody() {
    let mut service = Service::start().await;
    let inject = Inject { headers: true, assertion: true, ..Inject::default() };
    let stage = Stage::new(Route { inject, require: Require::Public, ..route(&service.url) });
    let forging = NAMES.iter().fold(anonymous(Method::GET, "/x/a"), |builder, name| builder.header(*name, "forged"));
    assert_eq!(stage.send(forging.body(whole("")).unwrap()).await.status(), 200);
    assert!(told(&service.next().await).iter().all(Vec::is_empty));
}

#[tokio::test]
async fn nothing_a_client_names_itself_makes_it_somebody() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    for (name, value) in [
        ("user-agent", "kube-probe/1.30"),
        ("user-agent", "GoogleHC/1.0"),
        ("x-user-email", "someone@example.com"),
        ("x-user-id", ALICE),
        ("x-doorward-assertion", "alice"),
        ("x-forwarded-uri", "/public"),
        ("x-original-url", "/public"),
        ("x-forwarded-user", "alice"),
        ("x-middleware-subrequest", "middleware"),
        ("x-forwarded-method", "OPTIONS"),
    ] {
        for target in ["/x/a", "/x/a?user_id=alice&public=true"] {
            let response =
                stage.send(anonymous(Method::GET, target).header(name, value).body(whole("")).unwrap()).await;
            assert_eq!(response.status(), 401, "{name}: {value}");
        }
    }
    assert_eq!(service.opened(), 0, "nothing reaches the service");
}
