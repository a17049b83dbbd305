"""What every measurement here is made of: servers with ports of their own, their CPU time, load, and spreads."""

import atexit
import json
import os
import pathlib
import socket
import statistics
import subprocess
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
    """A process that serves on a port of its own, on one core if told so."""

    def __init__(self, make_command, env=None, log=None, core=None):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.log = open(log, "wb") if log else subprocess.DEVNULL
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen(
            [*pinned, *make_command(self.address)],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        # A run that ends early leaves nothing behind.
        atexit.register(self.process.kill)

    def tree(self):
        """The process and all below it."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
            waiting += [int(child) for child in children.read_text().split()]
        return found

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.tree())

    def resident_mb(self):
        return sum(resident_mb(pid) for pid in self.tree())

    def stop(self):
        self.process.terminate()
        self.process.wait(40)


def doorward(folder, **settings):
    env = {
        "DOORWARD__STORE__URL": f"sqlite:{folder}/doorward.db",
        "DOORWARD__SERVER__ADMIN_LISTEN": "",
        "DOORWARD__LOG__FORMAT": "json",
        "DOORWARD__THROTTLE__FAILURES_PER_ADDRESS": "100000/1h",
        **settings,
    }
    return Server(lambda at: [TARGET / "doorward", "serve", "--listen", at], env, f"{folder}/log")


def wrk(url, seconds, connections, method="GET", body=None, token=None, folder="/tmp", headers=None, core=None):
    script = pathlib.Path(folder) / "request.lua"
    lines = [f'wrk.method = "{method}"']
    if body is not None:
        lines += [f"wrk.body = {json.dumps(json.dumps(body))}", 'wrk.headers["Content-Type"] = "application/json"']
    if token:
        lines.append(f'wrk.headers["Authorization"] = "Bearer {token}"')
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in (headers or {}).items()]
    lines.append(
        "done = function(s, l, r) io.write(string.format("
        '"RESULT %d %d %d\\n", s.requests, s.errors.status + s.errors.read + s.errors.timeout, l:percentile(50))) end'
    )
    script.write_text("\n".join(lines))
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    command = [*pinned, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url]
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
