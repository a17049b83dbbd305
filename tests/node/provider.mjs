// A certified OpenID Connect provider with development login forms. Usage: provider.mjs OPTIONS
//
// OPTIONS is JSON: clients (in the form of dynamic registration), accounts (claims by login name; a name that is not
// there has good ones), host, ttl (seconds by kind of token). Prints one line of JSON, {"issuer"}, and serves until
// its standard input ends.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const { clients, accounts = {}, host = '127.0.0.1', ttl = {}, features = {} } = JSON.parse(process.argv[2]);

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://${host}:${server.address().port}`;

const claimsOf = (login) => ({
  sub: login,
  email: `${login}@example.com`,
  email_verified: true,
  name: `Person ${login}`,
  groups: [],
  ...accounts[login],
});

const jwk = (pair, rest) => ({ ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', ...rest });
const keys = [
  jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), { alg: 'RS256', kid: 'rsa' }),
  jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), { alg: 'ES256', kid: 'ec' }),
];

const provider = new Provider(issuer, {
  jwks: { keys },
  clients,
  ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 86400, Session: 86400, ...ttl },
  claims: {
    openid: ['sub', 'groups'],
    email: ['email', 'email_verified'],
    profile: ['name'],
  },
  // The claims of the scopes are in the ID token, as most providers have them, and not at the userinfo endpoint alone.
  conformIdTokenClaims: false,
  findAccount: (_, login) => ({ accountId: login, claims: () => claimsOf(login) }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  clientBasedCORS: () => false,
  pkce: { required: () => true },
  // By itself it refuses to call anybody on a private network, and here is no other.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['of this provider alone'] },
  features: {
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    devInteractions: { enabled: true },
    ...features,
  },
});
// Shown to whoever reads the output of a failed test.
for (const event of ['server_error', 'backchannel.error', 'grant.error', 'authorization.error']) {
  provider.on(event, (...details) => console.error(event, details.find((detail) => detail instanceof Error)));
}
server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
// A line {"login": CLAIMS} changes what is known of somebody, and is answered with an empty one.
for await (const line of createInterface({ input: process.stdin })) {
  Object.assign(accounts, JSON.parse(line));
  console.log();
}
process.exit(0);
