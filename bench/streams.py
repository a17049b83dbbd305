"""Streams that stay open: how late the first event is, and what thousands of idle ones weigh."""

import pathlib
import shutil
import socket
import statistics
import time

import peers
from measure import TARGET, Server, person, wait_for

HEAD_END, EVENT = b"\r\n\r\n", b"data: 1"


def open_stream(address, path, token):
    host, port = address.split(":")
    stream = socket.create_connection((host, int(port)), timeout=20)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n{bearer}\r\n".encode())
    return stream


def wait_for_event(stream):
    seen = b""
    while EVENT not in seen:
        piece = stream.recv(4096)
        if not piece:
            raise SystemExit(f"the stream ended before its first event: {seen!r}")
        seen += piece


def first_event(address, path, token, count):
    """Milliseconds from the request to its first event, on connections of their own."""
    delays = []
    for _ in range(count):
        began = time.perf_counter()
        stream = open_stream(address, path, token)
        wait_for_event(stream)
        delays.append((time.perf_counter() - began) * 1000)
        stream.close()
    return delays


def hold(server, path, token, count):
    """Resident MB with this many idle streams open, and without."""
    before = server.resident_mb()
    held = []
    for _ in range(count):
        held.append(open_stream(server.address, path, token))
        wait_for_event(held[-1])
    after = server.resident_mb()
    for stream in held:
        stream.close()
    return before, after


def measure(folder, options, core, other):
    """Rows of (name, extra delay of the first event in ms, streams, MB before, MB with them)."""
    upstream = Server(lambda at: [TARGET / "events", at], core=other)
    time.sleep(0.5)
    direct = first_event(upstream.address, "/x", None, 300)
    members = peers.doorward(pathlib.Path(folder) / "doorward-streams", core, upstream.address)
    wait_for(f"{members.url}/readyz")
    _, token = person(members)
    found = [("Doorward, signed in, EdDSA", members, "/members/x", token)]
    if shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        found.append(("nginx, proxy_pass", peers.nginx(folder / "nginx-streams", core, upstream.address), "/x", None))
    if shutil.which("haproxy", path="/usr/sbin:/usr/bin"):
        found.append(("HAProxy", peers.haproxy(folder / "haproxy-streams", core, upstream.address), "/x", None))
    if shutil.which("caddy"):
        found.append(("Caddy", peers.caddy(folder / "caddy-streams", core, upstream.address), "/x", None))
    if shutil.which(peers.envoy_program()):
        found.append(("Envoy", peers.envoy(folder / "envoy-streams", core, upstream.address), "/x", None))
    rows = []
    time.sleep(1)
    for name, server, path, token in found:
        delays = first_event(server.address, path, token, 300)
        extra = statistics.median(delays) - statistics.median(direct)
        before, after = hold(server, path, token, options.streams)
        rows.append((name, extra, options.streams, before, after))
        server.stop()
    upstream.stop()
    return rows
