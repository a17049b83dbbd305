#!/usr/bin/env python3
"""Measures Doorward against the floor, side by side, and prints the ratios.

    cargo build --release -p doorward -p doorward-bench && bench/run.py

Needs wrk (Debian's package). CPU per request is the server process's user + system time divided by the requests it
answered. Servers take turns round by round; the figure is the median of the rounds, with the least and the most.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TICKS = os.sysconf("SC_CLK_TCK")
PASSWORD = "Tall-Ships-4-Harbour!"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def call(method, url, body=None, token=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def wait_for(url, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return call("GET", url)
        except (urllib.error.URLError, OSError):
            time.sleep(0.002)
    raise SystemExit(f"{url} gives no answer")


class Server:
    """A process that serves on a port of its own."""

    def __init__(self, make_command, env=None, log=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(log, "wb") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(
            make_command(f"127.0.0.1:{self.port}"),
            env={**os.environ, **(env or {})},
            stdout=self.log,
            stderr=self.log,
        )

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def doorward(folder, **settings):
    env = {
        "DOORWARD__STORE__URL": f"sqlite:{folder}/doorward.db",
        "DOORWARD__SERVER__ADMIN_LISTEN": "",
        "DOORWARD__LOG__FORMAT": "json",
        "DOORWARD__THROTTLE__FAILURES_PER_ADDRESS": "100000/1h",
        **settings,
    }
    return Server(lambda at: [TARGET / "doorward", "serve", "--listen", at], env, f"{folder}/log")


def wrk(url, seconds, connections, method="GET", body=None, token=None, folder="/tmp"):
    script = pathlib.Path(folder) / "request.lua"
    lines = [f'wrk.method = "{method}"']
    if body is not None:
        lines += [f"wrk.body = {json.dumps(json.dumps(body))}", 'wrk.headers["Content-Type"] = "application/json"']
    if token:
        lines.append(f'wrk.headers["Authorization"] = "Bearer {token}"')
    lines.append(
        "done = function(s, l, r) io.write(string.format("
        '"RESULT %d %d %d\\n", s.requests, s.errors.status + s.errors.read + s.errors.timeout, l:percentile(50))) end'
    )
    script.write_text("\n".join(lines))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = next(line for line in output.splitlines() if line.startswith("RESULT")).split()
    requests, errors, p50 = (int(field) for field in result[1:])
    if errors:
        raise SystemExit(f"{url}: {errors} of {requests} answers were errors\n{output}")
    return requests, p50


def spread(values, unit=""):
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]{unit}"


def person(server, number=0):
    email = f"bench{number}@example.com"
    call("POST", f"{server.url}/api/auth/signup", {"email": email, "password": PASSWORD})
    signed_in = json.loads(call("POST", f"{server.url}/api/auth/signin", {"email": email, "password": PASSWORD}))
    return email, signed_in["access_token"]


def hot_paths(folder, rounds, seconds):
    """CPU per request of validate and me, against a constant answer of the same size, in alternating rounds."""
    rows = []
    for algorithm in ["EdDSA", "HS256"]:
        settings = {"DOORWARD__TOKENS__ALGORITHM": algorithm, "DOORWARD__PASSWORD__BCRYPT_COST": "4"}
        if algorithm == "HS256":
            settings["DOORWARD__TOKENS__SECRET"] = "wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u"
        place = pathlib.Path(tempfile.mkdtemp(dir=folder))
        ours = doorward(place, **settings)
        wait_for(f"{ours.url}/readyz")
        _, token = person(ours)
        for name, path, request in [
            ("POST /auth/validate", "/auth/validate", {"method": "POST", "body": {"token": token}}),
            ("GET /api/auth/me", "/api/auth/me", {"token": token}),
        ]:
            method, body = request.get("method", "GET"), request.get("body")
            size = len(call(method, ours.url + path, body, request.get("token")))
            floor = Server(lambda at: [TARGET / "constant", at, str(size)])
            wait_for(floor.url)
            figures = {"ours": [], "floor": []}
            for _ in range(rounds):
                for label, server in (("floor", floor), ("ours", ours)):
                    before = cpu_seconds(server.process.pid)
                    requests, _ = wrk(server.url + path, seconds, 32, folder=folder, **request)
                    figures[label].append((cpu_seconds(server.process.pid) - before) / requests * 1e6)
            floor.stop()
            ratios = [a / b for a, b in zip(figures["ours"], figures["floor"])]
            rows.append((f"{name}, {algorithm}", spread(figures["floor"]), spread(figures["ours"]), spread(ratios)))
            print(*rows[-1], sep=" | ", flush=True)
        ours.stop()
    return rows


def start_and_memory(folder, rounds):
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    first = doorward(place)
    wait_for(f"{first.url}/readyz")
    first.stop()
    starts, resident = [], []
    for _ in range(rounds):
        began = time.monotonic()
        server = doorward(place)
        wait_for(f"{server.url}/health")
        starts.append((time.monotonic() - began) * 1000)
        time.sleep(2)  # idle, as the figure says
        resident.append(resident_mb(server.process.pid))
        server.stop()
    return [("start to the first 200, existing SQLite file", spread(starts, " ms")),
            ("resident when idle", spread(resident, " MB"))]


def sign_in_throughput(folder, seconds, clients):
    """Sign-ins per second of 16 clients against what the hash alone gives on every core at once."""
    cores = os.cpu_count()
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    server = doorward(place, DOORWARD__PASSWORD__QUEUE="64")
    wait_for(f"{server.url}/readyz")
    people = [person(server, number)[0] for number in range(clients)]

    def hash_alone():
        return float(subprocess.run([TARGET / "hash-rate", str(seconds)], capture_output=True, text=True).stdout)

    def sign_ins():
        end, count, lock = time.monotonic() + seconds, [0], threading.Lock()

        def client(email):
            while time.monotonic() < end:
                call("POST", f"{server.url}/api/auth/signin", {"email": email, "password": PASSWORD})
                if time.monotonic() < end:
                    with lock:
                        count[0] += 1

        threads = [threading.Thread(target=client, args=(email,)) for email in people]
        [t.start() for t in threads]
        [t.join() for t in threads]
        return count[0] / seconds

    alone, whole = [], []
    for _ in range(3):
        alone.append(hash_alone())
        whole.append(sign_ins())
    server.stop()
    ratios = [b / a for a, b in zip(alone, whole)]
    return [(f"hash alone, {cores} cores, per second", spread(alone)),
            (f"sign-ins, {clients} clients, per second", spread(whole)),
            ("ratio", spread(ratios))]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=4)
    arguments.add_argument("only", nargs="*", choices=["hot", "start", "sign-in", []])
    chosen = arguments.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    wanted = chosen.only or ["hot", "start", "sign-in"]
    with tempfile.TemporaryDirectory() as folder:
        if "hot" in wanted:
            print("path | floor, us CPU | ours, us CPU | ratio")
            hot_paths(folder, chosen.rounds, chosen.seconds)
        if "start" in wanted:
            for row in start_and_memory(folder, chosen.rounds):
                print(*row, sep=" | ", flush=True)
        if "sign-in" in wanted:
            for row in sign_in_throughput(folder, 15, 16):
                print(*row, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
