//! What is granted to whom: every call and every resource by name, but for what Amazon demands.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NETWORK_INTERFACES } from '../lib/role.ts';
import { MOST, all, only, synthesise } from './stacks.ts';

const most = synthesise(MOST);

/** Why a star is right where one stands. */
const STARS: Readonly<Record<string, string>> = {
  [NETWORK_INTERFACES.join(' ')]:
    'Lambda refuses a function in a network whose role has not these on everything',
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

const statements = [most.database, most.api].flatMap((template) => {
  const attached = Object.values(all(template, 'AWS::IAM::Policy')).map((policy) => policy.Properties['PolicyDocument']);
  const inline = Object.values(all(template, 'AWS::IAM::Role')).flatMap((role) =>
    (role.Properties['Policies'] ?? []).map((policy: any) => policy['PolicyDocument']));
  return [...attached, ...inline].flatMap((document) => document['Statement'] as Statement[]);
});
const actions = (statement: Statement) => [statement.Action].flat();
const granting = (service: string) => statements.filter((statement) =>
  statement.Effect === 'Allow' && actions(statement).every((action) => action.startsWith(`${service}:`)));

test('there is one role, and Amazon wrote none of its policies', () => {
  assert.deepEqual(all(most.database, 'AWS::IAM::Role'), {});
  assert.equal(only(most.api, 'AWS::IAM::Role').Properties['ManagedPolicyArns'], undefined);
});

test('nothing is granted by a star but what Amazon demands', () => {
  assert.ok(statements.length > 5);
  for (const statement of statements) {
    assert.ok(actions(statement).every((action) => !action.includes('*')), String(statement.Action));
    const isStar = [statement.Resource].flat().some((resource) => typeof resource === 'string' && resource.includes('*'));
    assert.ok(!isStar || actions(statement).join(' ') in STARS, `${statement.Action} on ${JSON.stringify(statement.Resource)}`);
  }
});

test('what Amazon demands for the network is denied to the program itself', () => {
  const denied = statements.filter((statement) => statement.Effect === 'Deny');
  assert.equal(denied.length, 1);
  assert.ok(actions(denied[0]!).join(' ') in STARS);
  const only = JSON.stringify(denied[0]!.Condition?.['ArnEquals']?.['lambda:SourceFunctionArn']);
  assert.match(only, /:function:AuthServiceApi"/);
});

test('the function reads its own secrets and those named, and changes none', () => {
  const granted = granting('secretsmanager');
  assert.deepEqual([...new Set(granted.flatMap(actions))], ['secretsmanager:GetSecretValue']);
  const resources = granted.map((statement) => JSON.stringify(statement.Resource));
  assert.equal(new Set(resources).size, 5, resources.join());
});

test('the password of the master user is not for a function that has a user of its own', () => {
  const [master] = Object.keys(all(synthesise().database, 'AWS::SecretsManager::SecretTargetAttachment'));
  const { api } = synthesise({ databaseUser: 'own' });
  assert.doesNotMatch(JSON.stringify(api.toJSON()), new RegExp(master!));
  assert.match(JSON.stringify(synthesise().api.toJSON()), new RegExp(master!));
});

test('a key of the user opens secrets, and nothing else', () => {
  const [key, ...others] = granting('kms');
  assert.deepEqual(others, []);
  assert.deepEqual([actions(key!), key!.Resource], [['kms:Decrypt'], MOST.kmsKeyArn]);
  assert.deepEqual(key!.Condition?.['StringEquals'], { 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' });
});

test('mail leaves from the one address by the one identity', () => {
  const [mail, ...others] = granting('ses');
  assert.deepEqual(others, []);
  assert.deepEqual(actions(mail!).sort(), ['ses:SendEmail', 'ses:SendRawEmail']);
  assert.match(JSON.stringify(mail!.Resource), /:identity\/example\.com"/);
  assert.equal(mail!.Condition?.['StringEquals']?.['ses:FromAddress'], 'no-reply@example.com');
});

test('the pool is asked for the calls that Doorward makes, at the one pool', () => {
  const [pool, ...others] = granting('cognito-idp');
  assert.deepEqual(others, []);
  assert.equal(actions(pool!).length, 9);
  assert.match(JSON.stringify(pool!.Resource), /:userpool\/eu-west-1_Ab3"/);
});
