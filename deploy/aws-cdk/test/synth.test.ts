//! The command people type: both stacks are synthesised without a network or an account, and mistakes end it. What it writes
//! stays in `cdk.out` for the linter of CloudFormation.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { test } from 'node:test';

import { asset } from './asset.ts';
import { LEAST, MOST } from './stacks.ts';

const FOLDER = new URL('../', import.meta.url);

/** What everybody must give, as on a machine without credentials, network or settings of its own. */
const { account: _, ...context } = LEAST;
const ENVIRONMENT = { PATH: process.env['PATH'], HOME: '/nonexistent', CI: '1', CDK_DISABLE_CLI_TELEMETRY: '1' };

test('both stacks are synthesised, without warnings', () => {
  rmSync(new URL('cdk.out', FOLDER), { recursive: true, force: true });
  const given = Object.entries({ ...context, asset: asset() }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const command = ['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet', '--strict', '--no-notices', ...given];
  const ended = spawnSync('node', command, { cwd: FOLDER, env: ENVIRONMENT, encoding: 'utf8' });
  assert.equal(ended.status, 0, ended.stdout + ended.stderr);
  assert.doesNotMatch(ended.stderr, /warning/i);
  for (const stack of ['AuthServiceDatabase', 'AuthServiceApi']) {
    assert.ok(existsSync(new URL(`cdk.out/${stack}.template.json`, FOLDER)), stack);
  }
});

/** Runs the application as the command does. */
function run(context: Record<string, unknown>, variables: Record<string, string> = {}) {
  const env = { ...ENVIRONMENT, ...variables, CDK_CONTEXT_JSON: JSON.stringify(context), CDK_OUTDIR: 'cdk.out/most' };
  return spawnSync('node', ['--import', 'tsx', 'app.ts'], { cwd: FOLDER, env, encoding: 'utf8' });
}

test('both stacks are synthesised with all there is to set', () => {
  const ended = run({ ...context, ...MOST, asset: asset({ machine: 183 }) });
  assert.equal(ended.status, 0, ended.stderr);
});

test('mistakes are lines for people, and the end', () => {
  // Nothing gets as far as the CDK's own rules, which take seconds to load.
  const ended = run({ region: 'eu-west-1', vpcCidr: 'all' }, { CDK_VALIDATION: 'false' });
  assert.equal(ended.status, 1);
  const told = ended.stderr.split('\n').flatMap((line) => /^  (\w+) /.exec(line)?.[1] ?? []);
  assert.deepEqual(told, ['vpcCidr', 'publicUrl', 'frontendUrl', 'mailFrom', 'asset']);
  assert.doesNotMatch(ended.stderr, /^\s+at /m);
});
