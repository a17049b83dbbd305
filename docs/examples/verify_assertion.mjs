// Verifies an assertion of Doorward's. Needs jose; keys are fetched once and again when an unknown one signs.
import { createRemoteJWKSet, jwtVerify } from "jose";

export function verifier(doorward, audience) {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", doorward));
  const terms = { issuer: doorward, audience, typ: "doorward-assertion+jwt", algorithms: ["EdDSA", "ES256", "RS256"] };
  const required = { requiredClaims: ["exp", "iat", "sub"] };
  return async (assertion) => (await jwtVerify(assertion, keys, { ...terms, ...required })).payload;
}
