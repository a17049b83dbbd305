"""Verifies an assertion of Doorward's. Needs PyJWT[crypto]; keys are fetched once and again when an unknown one signs."""

import jwt


def verifier(doorward: str, audience: str):
    keys = jwt.PyJWKClient(f"{doorward}/.well-known/jwks.json")

    def verify(assertion: str) -> dict:
        if jwt.get_unverified_header(assertion).get("typ") != "doorward-assertion+jwt":
            raise jwt.InvalidTokenError("not an assertion")
        key = keys.get_signing_key_from_jwt(assertion).key
        terms = {"algorithms": ["EdDSA", "ES256", "RS256"], "audience": audience, "issuer": doorward}
        return jwt.decode(assertion, key, **terms, options={"require": ["exp", "iat", "iss", "aud", "sub"]})

    return verify
