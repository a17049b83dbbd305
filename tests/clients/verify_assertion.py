"""What a service behind does with an assertion. Usage: verify_assertion.py BASE ASSERTION AUDIENCE USER_ID"""

import sys

import jwt

base, assertion, audience, user_id = sys.argv[1:]
keys = jwt.PyJWKClient(f"{base}/.well-known/jwks.json")


def verify(token: str, expected: str) -> dict:
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["EdDSA"], audience=expected, options={"require": ["exp", "iat", "sub"]})


claims = verify(assertion, audience)
assert claims["sub"] == user_id, claims
for token, expected in [(assertion, "http://another.service"), (assertion[:-4] + "AAAA", audience)]:
    try:
        verify(token, expected)
    except jwt.PyJWTError:
        continue
    raise SystemExit("accepted what is not for us")
