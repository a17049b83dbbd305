"""Verifies a token with the shared secret alone, as any JWT library does. Usage: verify_shared_secret.py TOKEN SECRET"""

import sys

import jwt

TOKEN, SECRET = sys.argv[1:]
NEEDED = {"require": ["exp", "iat", "iss", "sub"]}

claims = jwt.decode(TOKEN, SECRET, algorithms=["HS256"], options=NEEDED)
assert claims["email"] == "user@example.com", claims
assert claims["exp"] - claims["iat"] == 7 * 24 * 3600, claims
try:
    jwt.decode(TOKEN, SECRET[::-1], algorithms=["HS256"])
except jwt.InvalidSignatureError:
    pass
else:
    raise AssertionError("another secret verified it")
