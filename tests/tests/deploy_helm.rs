//! The chart for Kubernetes, rendered by helm itself: what the cluster would take, what it must not allow, and that
//! Doorward starts with it.

use std::fs;
use std::process::Command;

use doorward_tests::certificate::Certificate;
use doorward_tests::deployment::{deployed, documents, outcome, place, run, tool, variables, version};
use doorward_tests::part;
use doorward_tests::scratch::Scratch;
use doorward_tests::store::{Store, with};
use serde_json::{Value, json};

/// What nobody can leave out.
const REQUIRED: &str = "
publicUrl: https://auth.example.com
frontendUrl: https://app.example.com
secrets:
  store.url: { name: doorward, key: database-url }
  tokens.encryption_key: { name: doorward, key: encryption-key }
";

/// Every part that can be switched on.
const EVERYTHING: &str = r#"
publicUrl: https://auth.example.com:8443
frontendUrl: https://app.example.com
trustedProxies: [10.0.0.0/8, "fd00::/8"]
secrets:
  store.url: { name: doorward, key: database-url }
  tokens.encryption_key: { name: doorward, key: encryption-key }
  providers.0.client_secret: { name: company, key: client-secret }
config: |
  [mail]
  url = "file:///run/secrets/elsewhere"
  from = "Example <no-reply@example.com>"
  [[providers]]
  id = "company"
  issuer = "https://login.example.com"
  client_id = "doorward"
tls: { secretName: doorward-tls }
image: { pullSecrets: [{ name: registry }] }
autoscaling: { enabled: true }
service: { type: LoadBalancer, annotations: { a: b } }
ingress: { enabled: true, className: nginx, tlsSecretName: ingress-tls, annotations: { a: b } }
gateway: { enabled: true, parents: [{ name: public, namespace: infrastructure }] }
podMonitor: { enabled: true, labels: { release: prometheus } }
networkPolicy:
  clients: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress } } }]
  egress: [{ to: [{ podSelector: { matchLabels: { app: notes } } }], ports: [{ port: 8080 }] }]
serviceAccount: { annotations: { a: b } }
podAnnotations: { a: b }
podLabels: { a: b }
nodeSelector: { a: b }
tolerations: [{ key: a, operator: Exists }]
priorityClassName: high
affinity: { podAffinity: {} }
"#;

/// `helm SUBCOMMAND` over the chart, with values on standard input.
fn helm(subcommand: &[&str]) -> Command {
    let mut helm = tool("helm");
    let folder = std::env::temp_dir().join("doorward-helm");
    for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        helm.env(home, &folder);
    }
    helm.args(subcommand).arg(place("deploy/helm/doorward")).args(["--values", "-"]);
    helm
}

fn template(values: &str) -> String {
    run(helm(&["template", "door"]).args(["--kube-version", "1.34"]), values)
}

fn of_kind<'a>(rendered: &'a [Value], kind: &str) -> &'a Value {
    rendered.iter().find(|document| document["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {rendered:#?}"))
}

fn deployment(values: &str) -> Value {
    of_kind(&documents(&template(values)), "Deployment").clone()
}

#[test]
fn helm_finds_nothing_wrong_and_the_cluster_takes_every_object() {
    part::with(&["python"], || {
        let folder = Scratch::new();
        for values in [REQUIRED, EVERYTHING] {
            run(helm(&["lint"]).arg("--strict"), values);
            let rendered = folder.write("rendered.yaml", template(values));
            // The oldest that the chart is for, and the newest that is known.
            for kubernetes in ["1.30", "1.37"] {
                run(tool("kubernetes-validate").args(["--strict", "-k", kubernetes]).arg(&rendered), "");
            }
        }
        let kinds = documents(&template(EVERYTHING));
        for kind in ["HorizontalPodAutoscaler", "HTTPRoute", "Ingress", "PodMonitor", "ServiceAccount"] {
            of_kind(&kinds, kind);
        }
        let (fits, said) = outcome(helm(&["template", "door"]).args(["--kube-version", "1.29"]), REQUIRED);
        assert!(!fits && said.contains("kubeVersion"), "{said}");
    });
}

#[test]
fn nonsense_is_refused_with_its_place() {
    let config = |toml: &str| format!("{REQUIRED}config: |\n  {}\n", toml.replace('\n', "\n  "));
    part::with(&["python"], || {
        for (values, told) in [
            (String::new(), "publicUrl"),
            (REQUIRED.replace("https://auth", "auth"), "/publicUrl"),
            (REQUIRED.replace("store.url", "mail.url"), "store.url"),
            (REQUIRED.replace("key: database-url", "text: x"), "/secrets/store.url"),
            (REQUIRED.replace("store.url:", "STORE_URL:"), "/secrets"),
            (format!("{REQUIRED}replica: 3\n"), "replica"),
            (format!("{REQUIRED}replicas: 0\n"), "/replicas"),
            (format!("{REQUIRED}environment: prod\n"), "/environment"),
            (format!("{REQUIRED}trustedProxies: [ingress]\n"), "/trustedProxies/0"),
            (format!("{REQUIRED}drainSeconds: 30s\n"), "/drainSeconds"),
            (format!("{REQUIRED}gateway: {{ enabled: true }}\n"), "/gateway/parents"),
            (format!("{REQUIRED}networkPolicy: {{ egressPorts: [70000] }}\n"), "/networkPolicy/egressPorts/0"),
            (config("[tokens]\nencryption_key = \"kx8Jq2Zr7Lw0vTb5Ny4Hd9Fm3Pc6Gs1A\""), "encryption_key is a secret"),
            (config("tokens = { secret = 'kx8Jq2Zr7Lw0vTb5Ny4Hd9Fm3Pc6Gs1A' }"), "is a secret"),
            (config("[mail]\nurl = \"smtps://user:word@mail.example.com\""), "an address has a password"),
        ] {
            let (taken, said) = outcome(&mut helm(&["template", "door"]), &values);
            assert!(!taken && said.contains(told), "{told}: {said}");
            assert!(!said.contains("kx8Jq2Zr7Lw0vTb5Ny4Hd9Fm3Pc6Gs1A"), "{said}");
        }
        run(&mut helm(&["template", "door"]), &config("# secret = \"x\"\n[tokens]\nsecret = \"file:///run/x\""));
    });
}

#[test]
fn no_pod_may_do_more_than_it_needs() {
    part::with(&["python"], || {
        for values in [REQUIRED, EVERYTHING] {
            let rendered = documents(&template(values));
            let pods = rendered.iter().filter_map(|document| match document["kind"].as_str() {
                Some("Deployment") => Some(&document["spec"]["template"]["spec"]),
                Some("Pod") => Some(&document["spec"]),
                _ => None,
            });
            for pod in pods {
                assert_eq!(pod["automountServiceAccountToken"], false);
                assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
                assert_eq!(pod["securityContext"]["runAsUser"], 65532);
                assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
                for container in pod["containers"].as_array().expect("containers") {
                    let context = json!({
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    });
                    assert_eq!(container["securityContext"], context);
                    assert!(container["resources"]["limits"]["memory"].is_string());
                    assert_eq!(container["image"], format!("doorward:{}", version()));
                }
            }
            let account = of_kind(&rendered, "ServiceAccount");
            assert_eq!(account["automountServiceAccountToken"], false);
        }
    });
}

#[test]
fn no_secret_is_rendered() {
    part::with(&["python"], || {
        let rendered = documents(&template(EVERYTHING));
        assert!(rendered.iter().all(|document| document["kind"] != "Secret"));
        let pod = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"];
        let variables = variables(&pod["containers"][0]["env"]);
        let sources = pod["volumes"][1]["projected"]["sources"].as_array().expect("sources");
        for (setting, secret, key) in [
            ("store.url", "doorward", "database-url"),
            ("tokens.encryption_key", "doorward", "encryption-key"),
            ("providers.0.client_secret", "company", "client-secret"),
        ] {
            let name = format!("DOORWARD__{}", setting.replace('.', "__").to_uppercase());
            assert!(variables.contains(&(name, format!("file:///run/secrets/doorward/{setting}"))), "{variables:?}");
            let source = json!({ "secret": { "name": secret, "items": [{ "key": key, "path": setting }] } });
            assert!(sources.contains(&source), "{sources:?}");
        }
        let mode = pod["volumes"][1]["projected"]["defaultMode"].as_u64().expect("a mode");
        assert_eq!(mode & 0o007, 0, "others read no secret");
    });
}

#[test]
fn a_pod_gets_requests_only_while_it_can_answer_them() {
    part::with(&["python"], || {
        let rendered = documents(&template(&format!("{REQUIRED}drainSeconds: 90\n")));
        let deployment = of_kind(&rendered, "Deployment");
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(deployment["spec"]["replicas"], 3);
        assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
        for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": "admin" }));
        }
        let startup = &container["startupProbe"];
        let patience = startup["periodSeconds"].as_u64().zip(startup["failureThreshold"].as_u64());
        assert!(patience.is_some_and(|(period, times)| period * times >= 300), "a schema may take its time");
        let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().expect("a pause");
        let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("a time");
        let shutdown = ("DOORWARD__SERVER__LIMITS__SHUTDOWN_TIMEOUT".to_owned(), "90s".to_owned());
        assert!(variables(&container["env"]).contains(&shutdown));
        assert!(grace > pause + 90, "{grace}");
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let chosen = |selector: &Value| {
            let wanted = selector.as_object().expect("labels");
            wanted.iter().all(|(label, value)| labels[label] == *value)
        };
        let budget = of_kind(&rendered, "PodDisruptionBudget");
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
        assert!(chosen(&budget["spec"]["selector"]["matchLabels"]));
        assert!(chosen(&of_kind(&rendered, "Service")["spec"]["selector"]));
        assert!(chosen(&of_kind(&rendered, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]));
        assert!(!chosen(&of_kind(&rendered, "Pod")["metadata"]["labels"]), "the test's pod serves nobody");
    });
}

#[test]
fn metrics_and_probes_are_for_operators_alone() {
    part::with(&["python"], || {
        for values in [REQUIRED, EVERYTHING] {
            let rendered = documents(&template(values));
            let services: Vec<_> = rendered.iter().filter(|document| document["kind"] == "Service").collect();
            assert!(services.iter().all(|service| {
                let ports = service["spec"]["ports"].as_array().expect("ports");
                ports.iter().all(|port| port["targetPort"] == "http")
            }));
            let rules = of_kind(&rendered, "NetworkPolicy")["spec"]["ingress"].as_array().expect("rules").clone();
            let admin = rules.iter().filter(|rule| rule["ports"][0]["port"] == "admin");
            assert!(admin.clone().count() == 1 && admin.into_iter().all(|rule| rule["from"][0].is_object()));
        }
    });
}

#[test]
fn a_pod_reaches_whatever_store_its_secret_names() {
    part::with(&["python"], || {
        let rendered = documents(&template(REQUIRED));
        let rules = of_kind(&rendered, "NetworkPolicy")["spec"]["egress"].as_array().expect("rules").clone();
        let ports: Vec<_> = rules.iter().flat_map(|rule| rule["ports"].as_array().expect("ports")).collect();
        for (what, port) in [("PostgreSQL", 5432), ("MongoDB", 27017), ("providers", 443), ("mail", 587)] {
            assert!(ports.iter().any(|open| open["port"] == port), "{what}: {ports:?}");
        }
    });
}

#[test]
fn the_documented_values_let_in_the_ingress_and_nobody_who_could_pose_as_it() {
    part::with(&["python"], || {
        let page = fs::read_to_string(place("docs/deploy.md")).expect("the page");
        let (_, example) = page.split_once("<<'VALUES'\n").expect("values");
        let (values, _) = example.split_once("VALUES\n").expect("their end");
        run(helm(&["lint"]).arg("--strict"), values);
        let rendered = documents(&template(values));
        let rules = of_kind(&rendered, "NetworkPolicy")["spec"]["ingress"].as_array().expect("rules").clone();
        let clients = rules.iter().find(|rule| rule["ports"][0]["port"] == "http").expect("a rule for clients");
        let ingress =
            json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "ingress-nginx" } } });
        let test = json!({ "podSelector": { "matchLabels": {
            "app.kubernetes.io/instance": "door", "app.kubernetes.io/component": "test" } } });
        assert_eq!(clients["from"], json!([ingress, test]));
    });
}

#[test]
fn doorward_starts_as_the_chart_starts_it() {
    part::with(&["python"], || {
        with(Store::Postgres, |_| {
            let rendered = documents(&template(REQUIRED));
            let container = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0];
            let variables = variables(&container["env"]);
            let doorward = deployed(&variables, "", "/run/secrets/doorward").start();
            assert_eq!(doorward.get("/health").send().expect(200).json()["environment"], "production");
            // As the pod of `helm test` asks, by the name of the Service.
            let pod = of_kind(&rendered, "Pod");
            assert_eq!(pod["spec"]["containers"][0]["args"], json!(["health", "--at", "door-doorward:80"]));
            let place = format!("localhost:{}", doorward.address().port());
            assert!(doorward.setup().run_ok(&["health", "--at", &place], "").contains("ready"));
        });
    });
}

#[test]
fn doorward_takes_every_setting_that_the_chart_makes() {
    part::with(&["python"], || {
        with(Store::Postgres, |_| {
            let rendered = documents(&template(EVERYTHING));
            let container = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0];
            let certificate = Certificate::make();
            let (chain, key) = (certificate.certificate(), certificate.key());
            let mut variables = variables(&container["env"]);
            for (_, value) in &mut variables {
                *value = value.replace("/run/tls/tls.crt", &chain.display().to_string());
                *value = value.replace("/run/tls/tls.key", &key.display().to_string());
            }
            let config = of_kind(&rendered, "ConfigMap")["data"]["doorward.toml"].as_str().expect("a file");
            let config = config.replace("file:///run/secrets/elsewhere", "log:");
            let setup = deployed(&variables, &config, "/run/secrets/doorward");
            assert!(setup.run_ok(&["config", "check"], "").contains("sound (production)"));
            let mounted = container["volumeMounts"].as_array().expect("mounts").iter();
            let mounted: Vec<_> = mounted.filter_map(|mount| mount["mountPath"].as_str()).collect();
            assert_eq!(mounted, ["/etc/doorward", "/run/secrets/doorward", "/data", "/run/tls"]);
        });
    });
}

#[test]
fn a_changed_file_makes_new_pods() {
    part::with(&["python"], || {
        let sum = |config: &str| {
            let deployment = deployment(&format!("{REQUIRED}config: \"{config}\"\n"));
            deployment["spec"]["template"]["metadata"]["annotations"]["doorward/config"].clone()
        };
        assert_ne!(sum("# one"), sum("# two"));
        let scaled = deployment(&format!("{REQUIRED}autoscaling: {{ enabled: true }}\n"));
        assert!(scaled["spec"]["replicas"].is_null(), "the autoscaler's number stays");
    });
}

#[test]
fn the_notes_name_the_release_and_what_to_do() {
    part::with(&["python"], || {
        let notes = run(helm(&["install", "door"]).args(["--dry-run=client", "--namespace", "front"]), REQUIRED);
        for part in ["door-doorward.front:80", "https://auth.example.com", "helm --namespace front test door"] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
        let warned = |policy: &str| {
            let values = format!("{REQUIRED}trustedProxies: [10.244.0.0/16]\nnetworkPolicy: {policy}\n");
            run(helm(&["install", "door"]).arg("--dry-run=client"), &values).contains("10.244.0.0/16 may call")
        };
        assert!(warned("{}") && warned("{ enabled: false, clients: [{ podSelector: {} }] }"));
        assert!(!warned("{ clients: [{ podSelector: {} }] }"));
    });
}
