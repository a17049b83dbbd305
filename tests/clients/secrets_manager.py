"""AWS Secrets Manager on this machine. Usage: secrets_manager.py PORT FOLDER

Prints a line when it answers and keeps it up until its standard input ends.
"""

import os
import pathlib
import subprocess
import sys
import time

import requests

PORT, FOLDER = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"

settings = {
    "AUTH": "true",
    "BIND_HOST": "127.0.0.1",
    "MINISTACK_HOST": "127.0.0.1",
    "GATEWAY_PORT": PORT,
    "IOT_MTLS_ENABLED": "0",
    "SERVICES": "secretsmanager",
    "LOG_LEVEL": "ERROR",
    "STATE_DIR": FOLDER,
}
program = pathlib.Path(sys.executable).with_name("ministack")
server = subprocess.Popen(
    [program], env={**os.environ, **settings}, cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
)
try:
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(BASE, timeout=1)
            break
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    print("ready", flush=True)
    sys.stdin.read()
finally:
    server.terminate()
    server.wait()
