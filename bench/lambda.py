#!/usr/bin/env python3
"""Measures a cold start on AWS Lambda: from the start of the process to its first question for an event (the init phase),
and to its first answer. Plays the runtime API itself.

    bench/lambda.py target/release/doorward postgres://postgres@127.0.0.1/postgres
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTS = 20
EVENT = {
    "version": "2.0", "rawPath": "/.well-known/jwks.json", "rawQueryString": "", "headers": {"host": "localhost"},
    "requestContext": {"stage": "$default", "http": {"method": "GET", "sourceIp": "127.0.0.1"}},
}


class Start:
    """What is noted of one start."""

    def __init__(self):
        self.asked = self.answered = None
        self.answer = b""
        self.done = threading.Event()


class RuntimeApi(BaseHTTPRequestHandler):
    """One event, and then silence."""

    protocol_version = "HTTP/1.1"
    # Head and body in one piece: the second of two would wait for the first to be acknowledged.
    wbufsize = -1

    @property
    def start(self):
        return self.server.start

    def do_GET(self):
        if "/extension/" in self.path or self.start.asked:
            self.start.done.wait(60)
            return
        self.start.asked = time.perf_counter()
        deadline = str(int(time.time() * 1000) + 30_000)
        self.reply(json.dumps(EVENT), {"Lambda-Runtime-Aws-Request-Id": "1", "Lambda-Runtime-Deadline-Ms": deadline})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/response"):
            self.start.answered, self.start.answer = time.perf_counter(), body
            self.start.done.set()
        self.reply("{}", {"Lambda-Extension-Identifier": "1"})

    def reply(self, text, headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def measure(binary, store, folder):
    # One server each: a late question of the process before is not taken for this one's.
    server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.daemon_threads = True
    server.start = start = Start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769", "DOORWARD__STORE__URL": store,
        "DOORWARD__TOKENS__ENCRYPTION_KEY": "a-key-that-seals-nothing-of-anybody",
    }
    begun = time.perf_counter()
    with open(os.path.join(folder, "log"), "wb") as log:
        process = subprocess.Popen([binary], env=environment, cwd=folder, stdout=log, stderr=log)
    assert start.done.wait(30), open(os.path.join(folder, "log")).read()
    process.terminate()
    used = os.wait4(process.pid, 0)[2]
    assert json.loads(start.answer)["statusCode"] == 200, open(os.path.join(folder, "log")).read()
    return (start.asked - begun) * 1000, (start.answered - begun) * 1000, (used.ru_utime + used.ru_stime) * 1000


def main():
    binary, store = os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        # Tables and keys are made once.
        subprocess.run([binary, "migrate"], env={"DOORWARD__STORE__URL": store}, cwd=folder, check=True)
        measure(binary, store, folder)
        starts = [measure(binary, store, folder) for _ in range(STARTS)]
    names = ("to the first question (init)", "to the first answer", "processor's time until the end")
    for name, times in zip(names, zip(*starts), strict=True):
        print(f"{name}: median {statistics.median(times):.1f} ms, least {min(times):.1f}, most {max(times):.1f}")


if __name__ == "__main__":
    main()
