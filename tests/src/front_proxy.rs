//! The proxies that people already have in front of their services, asking Doorward about every request.
//!
//! Each is configured as docs/gateway.md says: Doorward's own paths lead to it, all others to the service behind,
//! which sees what Doorward said about the caller, and nothing a client claimed.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::json;

use crate::http::Client;
use crate::part::{self, Part};
use crate::scratch::Scratch;

/// Doorward's own paths, of which nobody has to be asked.
const OWN_PATHS: &str = "/api/v1/";

/// What is told about the caller.
pub const IDENTITY: &[&str] = &[
    "X-User-Id",
    "X-User-Email",
    "X-User-Name",
    "X-User-Roles",
    "X-User-Teams",
    "X-User-Domains",
    "X-Doorward-Assertion",
];

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `auth_request`.
    Nginx,
    /// `forward_auth`.
    Caddy,
    /// `ext_authz` over HTTP.
    Envoy,
}

/// A running proxy in front of one service.
#[derive(Debug)]
pub struct FrontProxy {
    _part: Part,
    _folder: Scratch,
    address: SocketAddr,
}

impl Kind {
    /// The part's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }

    /// Starts it at `address` before `service`; every request is first put to `doorward`.
    #[track_caller]
    pub fn start(self, address: SocketAddr, doorward: SocketAddr, service: SocketAddr) -> FrontProxy {
        let folder = Scratch::new();
        let mut command = part::command(self.name());
        match self {
            Self::Nginx => {
                let file = folder.write("nginx.conf", nginx(address, doorward, service));
                command.arg("-p").arg(folder.path()).arg("-c").arg(file).args(["-e", "error.log"]);
            }
            Self::Caddy => {
                let file = folder.write("Caddyfile", caddy(address, doorward, service));
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
                command.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
                command.env("XDG_CONFIG_HOME", folder.path());
            }
            Self::Envoy => {
                let file = folder.write("envoy.json", envoy(address, doorward, service));
                command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c"]).arg(file);
            }
        }
        let part = Part::listening(command.stderr(Stdio::null()).stdout(Stdio::null()), address);
        FrontProxy { _part: part, _folder: folder, address }
    }
}

impl FrontProxy {
    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }
}

fn nginx(address: SocketAddr, doorward: SocketAddr, service: SocketAddr) -> String {
    let variable = |name: &str| name.to_lowercase().replace('-', "_");
    let told = IDENTITY.iter().map(|name| {
        let variable = variable(name);
        format!(
            "auth_request_set $told_{variable} $upstream_http_{variable};\nproxy_set_header {name} $told_{variable};\n"
        )
    });
    let told: String = told.collect();
    format!(
        "daemon off;\nworker_processes 1;\npid nginx.pid;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
         access_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
         server {{\n\
         listen {address};\n\
         location / {{\n\
         auth_request /_doorward;\n\
         auth_request_set $sign_in $upstream_http_location;\n\
         error_page 401 = @sign_in;\n\
         {told}\
         proxy_set_header Host $http_host;\n\
         proxy_pass http://{service};\n\
         }}\n\
         location {OWN_PATHS} {{\n\
         proxy_set_header Host $http_host;\n\
         proxy_pass http://{doorward};\n\
         }}\n\
         location = /_doorward {{\n\
         internal;\n\
         proxy_pass http://{doorward}/forward-auth/nginx;\n\
         proxy_pass_request_body off;\n\
         proxy_set_header Content-Length \"\";\n\
         proxy_set_header X-Original-Method $request_method;\n\
         proxy_set_header X-Original-URI $request_uri;\n\
         proxy_set_header X-Forwarded-Method \"\";\n\
         proxy_set_header X-Forwarded-Uri \"\";\n\
         proxy_set_header X-Forwarded-For $remote_addr;\n\
         }}\n\
         location @sign_in {{\n\
         if ($sign_in = \"\") {{ return 401; }}\n\
         return 302 $sign_in;\n\
         }}\n\
         }}\n\
         }}\n"
    )
}

fn caddy(address: SocketAddr, doorward: SocketAddr, service: SocketAddr) -> String {
    let removed: Vec<_> = IDENTITY.iter().map(|name| format!("request_header -{name}")).collect();
    let removed = removed.join("\n");
    format!(
        "{{\nadmin off\nauto_https off\nstorage file_system storage\n}}\n\
         http://:{} {{\n\
         bind 127.0.0.1\n\
         handle {OWN_PATHS}* {{\n\
         reverse_proxy {doorward}\n\
         }}\n\
         handle {{\n\
         route {{\n\
         {removed}\n\
         forward_auth {doorward} {{\n\
         uri /forward-auth\n\
         copy_headers {}\n\
         }}\n\
         reverse_proxy {service}\n\
         }}\n\
         }}\n\
         }}\n",
        address.port(),
        IDENTITY.join(" "),
    )
}

fn envoy(address: SocketAddr, doorward: SocketAddr, service: SocketAddr) -> String {
    let socket = |at: SocketAddr| json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}});
    let cluster = |name: &str, at: SocketAddr| {
        let endpoint = json!({"endpoint": {"address": socket(at)}});
        json!({
            "name": name, "type": "STATIC", "connect_timeout": "2s",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        })
    };
    let exact = |names: &[&str]| {
        let patterns: Vec<_> = names.iter().map(|name| json!({"exact": name.to_lowercase()})).collect();
        json!({"patterns": patterns})
    };
    let asked = ["cookie", "authorization", "origin", "sec-fetch-mode", "sec-fetch-site", "accept"];
    let ext_authz = json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "allowed_headers": exact(&asked),
            "http_service": {
                "server_uri": {"uri": format!("http://{doorward}"), "cluster": "doorward", "timeout": "5s"},
                "path_prefix": "/forward-auth/envoy",
                "authorization_response": {
                    "allowed_upstream_headers": exact(IDENTITY),
                    "allowed_client_headers": exact(&["location", "www-authenticate", "content-type", "retry-after"]),
                },
            },
        },
    });
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "http_filters": [ext_authz, router],
        "route_config": {"virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [
                {
                    "match": {"prefix": OWN_PATHS}, "route": {"cluster": "doorward"},
                    "typed_per_filter_config": {"envoy.filters.http.ext_authz": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
                        "disabled": true,
                    }},
                },
                {"match": {"prefix": "/"}, "route": {"cluster": "service"}},
            ],
        }]},
    });
    let filter = json!({
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
    });
    let listener = json!({"address": socket(address), "filter_chains": [{"filters": [filter]}]});
    json!({"static_resources": {
        "listeners": [listener],
        "clusters": [cluster("doorward", doorward), cluster("service", service)],
    }})
    .to_string()
}
