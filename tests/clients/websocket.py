"""A WebSocket client. Usage: websocket.py URL [HEADER=VALUE ...]

Reads lines of JSON: {"say": TEXT} sends it and prints {"heard": TEXT}; {"wait": true} prints {"closed": CODE} once the
other side has closed. Prints {"opened": true} first, or {"refused": STATUS} and ends.
"""

import json
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def say(**line) -> None:
    print(json.dumps(line), flush=True)


url, *headers = sys.argv[1:]
headers = [tuple(header.split("=", 1)) for header in headers]
try:
    socket = connect(url, additional_headers=headers, proxy=None)
except InvalidStatus as refusal:
    say(refused=refusal.response.status_code)
    sys.exit()
with socket:
    say(opened=True)
    for line in sys.stdin:
        wish = json.loads(line)
        try:
            if "say" in wish:
                socket.send(wish["say"])
            say(heard=socket.recv())
        except ConnectionClosed as closed:
            say(closed=closed.rcvd.code if closed.rcvd else 1006)
