#!/usr/bin/env python3
"""Measures Doorward as a proxy beside nginx, HAProxy, Caddy and Envoy, and writes down what it found.

    cargo build --release -p doorward -p doorward-bench && bench/proxies.py

Needs wrk, nginx, haproxy and caddy (Debian's packages), and Envoy from `scripts/test`'s Python packages; a peer that
is not there is left out. Every proxy has one worker on one core; the client and the service behind have the other.
CPU per request is the user + system time of the proxy's process tree divided by the requests it answered. All take
turns round by round; figures are medians of the rounds with the least and the most, ratios are taken within a round.
With --write the table and the plot in docs/ are replaced.
"""

import argparse
import dataclasses
import pathlib
import shutil
import statistics
import sys
import tempfile

import peers
import report
import streams
from measure import ROOT, TARGET, Server, person, spread, wait_for, wrk

PROXY_CORE, OTHER_CORE = 0, 1


@dataclasses.dataclass
class Contestant:
    """One line of the table."""

    name: str
    server: Server
    path: str = "/open/x"
    token: str = ""
    helper: Server = None
    cpu: list = dataclasses.field(default_factory=list)
    p50: list = dataclasses.field(default_factory=list)
    errors: str = ""

    def cpu_seconds(self):
        return self.server.cpu_seconds() + (self.helper.cpu_seconds() if self.helper else 0)

    def run(self, seconds, connections, folder):
        before = self.cpu_seconds()
        options = {"token": self.token, "folder": folder, "core": OTHER_CORE}
        requests, p50 = wrk(self.server.url + self.path, seconds, connections, **options)
        self.cpu.append((self.cpu_seconds() - before) / requests * 1e6)
        self.p50.append(p50)


def doorwards(folder, upstream):
    """Doorward on an open route, and with tokens it has seen before."""
    found = []
    for algorithm in ("HS256", "EdDSA"):
        server = peers.doorward(folder / f"doorward-{algorithm}", PROXY_CORE, upstream, algorithm)
        wait_for(f"{server.url}/readyz")
        _, token = person(server)
        if algorithm == "HS256":
            found.append(Contestant("Doorward, public route", server))
        found.append(Contestant(f"Doorward, signed in, {algorithm}", server, "/members/x", token))
    quiet = peers.doorward(folder / "doorward-quiet", PROXY_CORE, upstream, log=False)
    wait_for(f"{quiet.url}/readyz")
    _, token = person(quiet)
    found.append(Contestant("Doorward, signed in, EdDSA, no access log", quiet, "/members/x", token))
    return found


def contestants(folder, upstream):
    """Everybody who is installed."""
    found = doorwards(folder, upstream)
    at = (PROXY_CORE, upstream)
    token = peers.hs256_token()
    if shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        found.append(Contestant("nginx, proxy_pass", peers.nginx(folder / "nginx", *at)))
        found.append(Contestant("nginx, proxy_pass, no access log", peers.nginx(folder / "nginx-quiet", *at, log=False)))
        verifier = Server(lambda place: [TARGET / "verifier", place, peers.SECRET], core=PROXY_CORE)
        asking = peers.nginx(folder / "nginx-auth", *at, verifier=verifier.address)
        found.append(Contestant("nginx, auth_request, HS256", asking, token=token, helper=verifier))
    if shutil.which("haproxy", path="/usr/sbin:/usr/bin"):
        found.append(Contestant("HAProxy", peers.haproxy(folder / "haproxy", *at)))
        hs256 = peers.haproxy(folder / "haproxy-hs256", *at, jwt=("HS256", peers.SECRET))
        found.append(Contestant("HAProxy, jwt_verify, HS256", hs256, token=token))
        rs256, key = peers.rs256_token(folder)
        verifying = peers.haproxy(folder / "haproxy-rs256", *at, jwt=("RS256", key))
        found.append(Contestant("HAProxy, jwt_verify, RS256", verifying, token=rs256))
    if shutil.which("caddy"):
        found.append(Contestant("Caddy", peers.caddy(folder / "caddy", *at)))
    if shutil.which(peers.envoy_program()):
        found.append(Contestant("Envoy", peers.envoy(folder / "envoy", *at)))
        envoy = peers.envoy(folder / "envoy-jwt", *at, jwt=True)
        found.append(Contestant("Envoy, jwt_authn, HS256", envoy, token=token))
    return found


def take_turns(found, rounds, seconds, connections, folder):
    for turn in range(rounds):
        for one in found:
            one.run(seconds, connections, folder)
            print(f"{turn + 1}/{rounds} {one.name}: {one.cpu[-1]:.1f} us", file=sys.stderr, flush=True)


def ratio(found, name, to):
    """Round by round: how much one costs of another."""
    by_name = {one.name: one.cpu for one in found}
    if name not in by_name or to not in by_name:
        return None
    return [a / b for a, b in zip(by_name[name], by_name[to])]


def stop(found):
    for server in {id(s): s for one in found for s in (one.server, one.helper) if s}.values():
        server.stop()


def measure(size, connections, options, folder):
    """CPU per request for answers of a size."""
    upstream = Server(lambda at: [TARGET / "constant", at, str(size)], core=OTHER_CORE)
    wait_for(upstream.url)
    found = contestants(folder, upstream.address)
    for one in found:
        headers = one.server.url + one.path
        wrk(headers, 1, connections, token=one.token, folder=folder, core=OTHER_CORE)
    if options.only:
        found = [one for one in found if any(word in one.name for word in options.only)]
    take_turns(found, options.rounds, options.seconds, connections, folder)
    stop(found)
    upstream.stop()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--streams", type=int, default=9500, help="idle streams to hold; two files each in the proxy")
    parser.add_argument("--parts", nargs="*", default=["small", "large", "streams"])
    parser.add_argument("--only", nargs="*", help="only contestants whose names contain one of these")
    parser.add_argument("--write", action="store_true", help="replace the table and the plot in docs/")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    found = {"small": [], "large": [], "streams": []}
    with tempfile.TemporaryDirectory() as place:
        for part, size, connections in (("small", 1024, 32), ("large", 1024 * 1024, 8)):
            if part in options.parts:
                folder = pathlib.Path(place) / part
                folder.mkdir()
                found[part] = measure(size, connections, options, folder)
        if "streams" in options.parts:
            found["streams"] = streams.measure(pathlib.Path(place), options, PROXY_CORE, OTHER_CORE)
    text = report.table(found, ratio, spread)
    print(text)
    if options.write:
        report.write(ROOT / "docs", text, [(one.name, statistics.median(one.cpu)) for one in found["small"]])


if __name__ == "__main__":
    main()
