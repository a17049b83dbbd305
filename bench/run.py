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
import subprocess
import sys
import tempfile
import threading
import time

from measure import PASSWORD, TARGET, Server, call, cpu_seconds, doorward, person, resident_mb, spread, wait_for, wrk


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
