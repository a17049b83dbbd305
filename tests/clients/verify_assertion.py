"""The verifier of the documentation at work. Usage: verify_assertion.py EXAMPLES BASE AUDIENCE ASSERTION

Prints the claims as JSON, or {"refused": NAME}.
"""

import json
import sys

import jwt

examples, base, audience, assertion = sys.argv[1:]
sys.path.insert(0, examples)
from verify_assertion import verifier  # noqa: E402

try:
    print(json.dumps(verifier(base, audience)(assertion)))
except jwt.PyJWTError as refusal:
    print(json.dumps({"refused": type(refusal).__name__}))
