"""The stand-in for Amazon's services that the clients here keep up: ministack."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

import requests


def wait_until_it_answers(base: str, deadline: float) -> None:
    while True:
        try:
            requests.get(base, timeout=1)
            return
        except (requests.ConnectionError, requests.Timeout):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def standing_in(port: str, folder: str, services: str):
    """Gives the address of those services; they end with the block."""
    settings = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": port,
        "IOT_MTLS_ENABLED": "0",
        "SERVICES": services,
        "LOG_LEVEL": "ERROR",
        "STATE_DIR": folder,
    }
    program = pathlib.Path(sys.executable).with_name("ministack")
    server = subprocess.Popen(
        [program], env={**os.environ, **settings}, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_it_answers(base, time.monotonic() + 30)
        yield base
    finally:
        server.terminate()
        server.wait()
