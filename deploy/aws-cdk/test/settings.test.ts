//! Mistakes in settings are told all at once, before anything is made.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Mistakes } from '../lib/reader.ts';
import { readSettings } from '../lib/settings.ts';
import { asset, file, program } from './asset.ts';
import { LEAST } from './stacks.ts';

/** What is wrong with the least settings and those given. */
function mistakes(context: Record<string, unknown>): readonly string[] {
  try {
    readSettings({ ...LEAST, asset: asset(), ...context }, {});
  } catch (error) {
    assert.ok(error instanceof Mistakes, String(error));
    return error.lines;
  }
  return [];
}

test('the least settings will do', () => {
  assert.deepEqual(mistakes({}), []);
});

test('all mistakes are told at once, each with what to do', () => {
  const told = mistakes({ publicUrl: '', vpcCidr: '10.0.0.1/16', memory: 'much', pulicUrl: 'https://auth.example.com' });
  assert.equal(told.length, 4);
  assert.match(told[0]!, /^vpcCidr must be a private network .*, not "10\.0\.0\.1\/16"$/);
  assert.match(told[1]!, /^memory must be a whole number from 256 to 10240, not "much"$/);
  assert.match(told[2]!, /^publicUrl is missing; give -c publicUrl=https:\/\/…/);
  assert.match(told[3]!, /^pulicUrl is no setting; there are account, alarmEmail, /);
});

const WRONG: Record<string, unknown[]> = {
  region: ['Ireland', 'eu-west'],
  account: ['123', 'me'],
  environment: ['development', 'prod'],
  vpcCidr: ['10.0.0.0', '10.0.0.0/8', '10.0.0.0/28', '8.8.0.0/16', '10.0.0.256/24', '172.32.0.0/16'],
  zones: ['eu-west-1a', 'eu-west-1a,eu-west-1a', 'eu-west-2a,eu-west-2b', 'a,b', 'eu-west-1a,eu-west-1b,eu-west-1c,eu-west-1d'],
  instanceClass: ['db.t4g.medium', 't4g.large', 'r6g.medium', 'r6g.4large', 'm5.large'],
  instances: [0, 17, '1.5'],
  backupDays: [1, 6, 36],
  asset: ['bootstrap', 'nowhere.zip'],
  architecture: ['arm', 'aarch64'],
  concurrency: [0, -1, 'all', 334],
  functionUrl: ['yes', true],
  publicUrl: ['http://auth.example.com', 'https://auth.example.com/prefix', 'https://localhost', 'auth.example.com', 'https://a:b@auth.example.com'],
  frontendUrl: ['', 'https://app.example.com/start', 'http://app.example.com'],
  corsOrigins: ['*', 'https://a.example.com,*'],
  certificateArn: ['certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/0199a7b0-0000-7000-8000-000000000000'],
  kmsKeyArn: ['alias/key', 'arn:aws:kms:us-east-1:123456789012:key/0199a7b0-0000-7000-8000-000000000000'],
  algorithm: ['none', 'RS256'],
  mailFrom: ['', 'nobody', 'a@b@c.example'],
  userPoolId: ['pool', 'eu-west-1_Ab3'],
  userPoolClientSecretArn: ['arn:aws:secretsmanager:eu-west-1:123456789012:secret:pool-AbCdEf'],
  secretArns: ['arn:aws:secretsmanager:eu-west-1:123456789012:secret:*', 'a,b'],
  logLevel: ['debug', 'TRACE'],
  logDays: [0, 31],
};
for (const [key, values] of Object.entries(WRONG)) {
  test(`a wrong ${key} is told by its name`, () => {
    for (const value of values) {
      const told = mistakes({ [key]: value });
      assert.equal(told.length, 1, `${key}=${value}: ${told.join('; ')}`);
      assert.ok(told[0]!.startsWith(`${key} `), told[0]);
    }
  });
}

test('no more calls at a time are reserved than the database has connections for', () => {
  assert.deepEqual(mistakes({ concurrency: 333 }), []);
  assert.match(mistakes({ concurrency: 334 }).join(), /^concurrency must be at most 333, .* t4g\.medium /);
  assert.deepEqual(mistakes({ concurrency: 1000, instanceClass: 'r6g.large' }), []);
});

test('an address that goes round the throttle is made only where something else bounds the calls', () => {
  assert.deepEqual(mistakes({ functionUrl: true, concurrency: 25 }), []);
  assert.match(mistakes({ functionUrl: true }).join(), /^functionUrl is an address without the throttle .* concurrency/);
});

test('a certificate is of no use without a name', () => {
  const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/0199a7b0-0000-7000-8000-000000000000';
  assert.match(mistakes({ certificateArn, publicUrl: 'api' }).join(), /^certificateArn is for a name of yours/);
  assert.match(mistakes({ certificateArn, publicUrl: 'https://auth.example.com:8443' }).join(), /^publicUrl must be at 443/);
});

test('a pool is in the region of the function, and comes with its client', () => {
  assert.match(mistakes({ userPoolId: 'eu-west-2_Ab3', userPoolClientId: 'abc' }).join(), /^userPoolId must be in eu-west-1$/);
  assert.deepEqual(mistakes({ userPoolId: 'eu-west-1_Ab3', userPoolClientId: 'abc' }), []);
});

test('an asset that would not start is refused, with what is wrong with it', () => {
  const wrong: [string, RegExp][] = [
    [file('text'), /is no zip file; build it with scripts\/lambda-asset/],
    [file(program(62)), /is no zip file/],
    [asset({ machine: 183 }), /is for arm64, the function for x86_64; .*-c architecture=arm64/],
    [asset({ machine: 3 }), /is for no Linux, the function for x86_64/],
    [asset({ mode: 0o100644 }), /has a bootstrap that may not be executed/],
    [asset({ certificates: undefined }), /has no certificates in global-bundle\.pem.*--ca FILE/],
    [asset({ certificates: '<html>' }), /has no certificates/],
  ];
  for (const [path, what] of wrong) assert.match(mistakes({ asset: path }).join(), what);
  assert.deepEqual(mistakes({ asset: asset({ machine: 183 }), architecture: 'arm64' }), []);
});

const page = readFileSync(new URL('../../../docs/aws.md', import.meta.url), 'utf8');

test('what the documentation says to write down will do', () => {
  const [, lines] = /^```json\n("publicUrl"[^`]*)```$/m.exec(page)!;
  const context = JSON.parse(`{${lines}}`);
  assert.deepEqual(mistakes(context), []);
});

test('the documentation lists every setting, and nothing else', () => {
  const section = page.replace(/^.*^## Settings$/ms, '').replace(/^## .*$/ms, '');
  const listed = [...section.matchAll(/^\| `([A-Za-z]+)` \|/gm)].map(([, key]) => key);
  const [known] = mistakes({ unknown: true });
  assert.deepEqual(listed.sort().join(', '), known?.replace(/^.*there are /, ''));
});
