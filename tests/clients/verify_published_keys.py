"""Verifies a token by the published keys, with two libraries. Usage: verify_published_keys.py BASE_URL TOKEN ALGORITHM"""

import sys

import joserfc.jwt
import jwt
import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

BASE, TOKEN, ALGORITHM = sys.argv[1:]
URL = f"{BASE}/.well-known/jwks.json"
HEADER, CLAIMS, SIGNATURE = TOKEN.split(".")
FORGED = ".".join([HEADER, CLAIMS[:-2] + ("AA" if CLAIMS[-2:] != "AA" else "BB"), SIGNATURE])

keys = KeySet.import_key_set(requests.get(URL, timeout=5).json())
decoded = joserfc.jwt.decode(TOKEN, keys, algorithms=[ALGORITHM])
assert decoded.header["alg"] == ALGORITHM, decoded.header
try:
    joserfc.jwt.decode(FORGED, keys, algorithms=[ALGORITHM])
except (JoseError, ValueError):
    pass
else:
    raise AssertionError("joserfc verified a forged token")

key = jwt.PyJWKClient(URL).get_signing_key_from_jwt(TOKEN)
claims = jwt.decode(TOKEN, key.key, algorithms=[ALGORITHM], options={"require": ["exp", "iat", "iss", "sub"]})
assert claims == decoded.claims, claims
