"""AWS Secrets Manager on this machine. Usage: secrets_manager.py PORT FOLDER

Prints a line when it answers and keeps it up until its standard input ends.
"""

import sys

from amazon import standing_in

port, folder = sys.argv[1:]
with standing_in(port, folder, "secretsmanager"):
    print("ready", flush=True)
    sys.stdin.read()
