"""The proxies Doorward is measured beside, each set up as its users would, with one worker."""

import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import time

from measure import ROOT, TARGET, Server, free_port

SECRET = "wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u"
ISSUER = "https://issuer.example"


def encode(part):
    if not isinstance(part, bytes):
        part = json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def token(algorithm, sign):
    claims = {"iss": ISSUER, "sub": "7d3f4c52-0f5e-4a53-9a35-5f4a3b1f2c11", "exp": int(time.time()) + 86400}
    signing_input = f"{encode({'alg': algorithm, 'typ': 'JWT'})}.{encode(claims)}"
    return f"{signing_input}.{encode(sign(signing_input.encode()))}"


def hs256_token():
    return token("HS256", lambda text: hmac.new(SECRET.encode(), text, hashlib.sha256).digest())


def rs256_token(folder):
    """A token and the file with the public key, both by openssl."""
    key, public = folder / "rsa.pem", folder / "rsa.pub.pem"
    if not key.exists():
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)

    def sign(text):
        command = ["openssl", "dgst", "-sha256", "-sign", key]
        return subprocess.run(command, input=text, check=True, capture_output=True).stdout

    return token("RS256", sign), public


def nginx(folder, core, upstream, log=True, verifier=None):
    """`proxy_pass` with keep-alive on both sides; the access log is nginx's default unless switched off."""
    folder.mkdir()
    ask = "auth_request /verify; auth_request_set $u $upstream_http_x_user_id; proxy_set_header X-User-Id $u;"
    verify = f"""
        location = /verify {{ internal; proxy_pass http://verifier; proxy_http_version 1.1; proxy_set_header Connection "";
                              proxy_pass_request_body off; proxy_set_header Content-Length ""; }}"""
    other = f"upstream verifier {{ server {verifier}; keepalive 64; keepalive_requests 1000000; }}"

    def command(at):
        (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid nginx.pid; error_log error.log; worker_rlimit_nofile 20000;
events {{ worker_connections 19990; }}
http {{
    access_log {'access.log' if log else 'off'};
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    keepalive_requests 1000000;
    {other if verifier else ''}
    upstream service {{ server {upstream}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen {at} backlog=4096;
        location / {{ {ask if verifier else ''} proxy_pass http://service; proxy_http_version 1.1;
                      proxy_set_header Connection ""; proxy_read_timeout 1h; }}{verify if verifier else ''}
    }}
}}
""")
        return ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "error.log"]

    return Server(command, core=core)


def haproxy(folder, core, upstream, jwt=None):
    """As it comes, or with its own check of a bearer token: `jwt` is (algorithm, secret or file)."""
    folder.mkdir()
    check = ""
    if jwt:
        algorithm, key = jwt
        check = f"""
    http-request set-var(txn.bearer) http_auth_bearer
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify("{algorithm}","{key}") 1 }}
    http-request deny deny_status 401 if {{ var(txn.bearer),jwt_payload_query('$.exp','int'),sub({int(time.time())}) -m int lt 0 }}
    http-request set-header X-User-Id %[var(txn.bearer),jwt_payload_query('$.sub')]"""

    def command(at):
        (folder / "haproxy.cfg").write_text(f"""
global
    nbthread 1
    maxconn 9900
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend front
    bind {at}{check}
    default_backend service
backend service
    http-reuse always
    server one {upstream}
""")
        return ["haproxy", "-db", "-q", "-f", folder / "haproxy.cfg"]

    return Server(command, core=core)


def caddy(folder, core, upstream):
    folder.mkdir()

    def command(at):
        (folder / "Caddyfile").write_text(f"""{{
    admin off
    auto_https off
    storage file_system {folder}
}}
http://:{at.split(':')[1]} {{
    bind 127.0.0.1
    reverse_proxy {upstream}
}}
""")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]

    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": "1"}
    return Server(command, home, core=core)


def envoy_program():
    wheel = TARGET.parent / "test-venv/bin/envoy"
    return wheel if wheel.exists() else "envoy"


def envoy(folder, core, upstream, jwt=False):
    """One worker; with `jwt` its own check of HS256 bearer tokens."""
    folder.mkdir()
    kind = "type.googleapis.com/envoy.extensions.filters"

    def socket(at):
        host, port = at.split(":")
        return {"socket_address": {"address": host, "port_value": int(port)}}

    def command(at):
        filters = [{"name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}]
        if jwt:
            key = {"keys": [{"kty": "oct", "alg": "HS256", "k": encode(SECRET.encode())}]}
            provider = {"issuer": ISSUER, "local_jwks": {"inline_string": json.dumps(key)},
                        "claim_to_headers": [{"header_name": "x-user-id", "claim_name": "sub"}]}
            filters.insert(0, {"name": "envoy.filters.http.jwt_authn", "typed_config": {
                "@type": f"{kind}.http.jwt_authn.v3.JwtAuthentication", "providers": {"ours": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "ours"}}]}})
        manager = {"@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
                   "stat_prefix": "front", "http_filters": filters, "stream_idle_timeout": "0s",
                   "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                       {"match": {"prefix": "/"}, "route": {"cluster": "service", "timeout": "0s"}}]}]}}
        limits = {"thresholds": [{"max_connections": 20000, "max_requests": 20000, "max_pending_requests": 20000}]}
        cluster = {"name": "service", "type": "STATIC", "circuit_breakers": limits, "load_assignment": {
            "cluster_name": "service", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(upstream)}}]}]}}
        listener = {"address": socket(at), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}
        (folder / "envoy.json").write_text(
            json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
        return [envoy_program(), "--disable-hot-restart", "--concurrency", "1", "-l", "critical",
                "-c", folder / "envoy.json"]

    return Server(command, core=core)


def doorward(folder, core, upstream, algorithm="EdDSA", log=True):
    """One route that is open and one for people who signed in; the log is written as it is by default in production."""
    folder.mkdir()
    (folder / "doorward.toml").write_text(f"""
[[routes]]
name = "open"
path = "/open/*"
methods = ["GET"]
upstream = "http://{upstream}/"
timeout = "1h"
require = {{ public = true }}
[[routes]]
name = "members"
path = "/members/*"
methods = ["GET"]
upstream = "http://{upstream}/"
timeout = "1h"
inject = {{ headers = true }}
""")
    env = {
        "DOORWARD__STORE__URL": f"sqlite:{folder}/doorward.db",
        "DOORWARD__SERVER__ADMIN_LISTEN": "",
        "DOORWARD__SERVER__LIMITS__CONNECTIONS": "20000",
        "DOORWARD__LOG__FORMAT": "json",
        "DOORWARD__LOG__LEVEL": "info" if log else "warn",
        "DOORWARD__PASSWORD__BCRYPT_COST": "4",
        "DOORWARD__TOKENS__ALGORITHM": algorithm,
    }
    if algorithm == "HS256":
        env["DOORWARD__TOKENS__SECRET"] = SECRET
    command = [TARGET / "doorward", "serve", "--config", folder / "doorward.toml"]
    return Server(lambda at: [*command, "--listen", at], env, folder / "log", core)
