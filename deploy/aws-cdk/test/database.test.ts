//! What must be true of the stack that keeps things.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Template } from 'aws-cdk-lib/assertions';

import { MOST, all, only, synthesise } from './stacks.ts';

const { database } = synthesise();
const { database: most } = synthesise(MOST);
const secretsManager = 'AWS::SecretsManager::';

test('the cluster is DocumentDB 5.0, encrypted, backed up and guarded against deletion', () => {
  const { Properties: cluster, DeletionPolicy } = only(database, 'AWS::DocDB::DBCluster');
  assert.equal(cluster['EngineVersion'], '5.0.0');
  assert.equal(cluster['StorageEncrypted'], true);
  assert.equal(cluster['DeletionProtection'], true);
  assert.equal(DeletionPolicy, 'Snapshot');
  assert.ok(cluster['BackupRetentionPeriod'] >= 7);
  assert.deepEqual(cluster['EnableCloudwatchLogsExports'], ['audit', 'profiler']);
});

test('nobody talks to the cluster without TLS, and changes to it are audited', () => {
  const group = only(database, 'AWS::DocDB::DBClusterParameterGroup').Properties;
  assert.equal(group['Family'], 'docdb5.0');
  const { tls, audit_logs, profiler } = group['Parameters'];
  assert.deepEqual({ tls, audit_logs, profiler }, { tls: 'tls1.2+', audit_logs: 'ddl', profiler: 'enabled' });
});

test('the cluster may be reached by Doorward and by the rotation, at 27017 and nowhere else', () => {
  const [cluster] = only(database, 'AWS::DocDB::DBCluster').Properties['VpcSecurityGroupIds'];
  const rules = Object.values(all(database, 'AWS::EC2::SecurityGroupIngress')).map((rule) => rule.Properties);
  const into = rules.filter((rule) => rule['GroupId']['Fn::GetAtt'][0] === cluster['Fn::GetAtt'][0]);
  const groups = all(database, 'AWS::EC2::SecurityGroup');
  const told = into.map((rule) => [
    groups[rule['SourceSecurityGroupId']['Fn::GetAtt'][0]]?.Properties['GroupDescription'], rule['IpProtocol'], rule['FromPort'], rule['ToPort'],
  ]);
  assert.deepEqual(told.sort(), [
    ['Doorward', 'tcp', 27017, 27017], ['Rotation of the password of the database', 'tcp', 27017, 27017],
  ]);
});

test('no group lets anybody in by address', () => {
  for (const template of [database, most]) {
    for (const group of Object.values(all(template, 'AWS::EC2::SecurityGroup'))) {
      assert.equal(group.Properties['SecurityGroupIngress'], undefined);
    }
    for (const rule of Object.values(all(template, 'AWS::EC2::SecurityGroupIngress'))) {
      assert.equal(rule.Properties['CidrIp'] ?? rule.Properties['CidrIpv6'], undefined);
      assert.ok(rule.Properties['SourceSecurityGroupId']);
    }
  }
});

test('nothing leads out of the network unless that is asked for', () => {
  const outward = (template: Template) => {
    const rules = [
      ...Object.values(all(template, 'AWS::EC2::SecurityGroup')).flatMap((group) => group.Properties['SecurityGroupEgress'] ?? []),
      ...Object.values(all(template, 'AWS::EC2::SecurityGroupEgress')).map((rule) => rule.Properties),
    ];
    return {
      gateways: Object.keys(all(template, 'AWS::EC2::InternetGateway')).length + Object.keys(all(template, 'AWS::EC2::NatGateway')).length,
      ports: rules.filter((rule) => rule['CidrIp'] === '0.0.0.0/0').map((rule) => rule['FromPort']),
    };
  };
  assert.deepEqual(outward(database), { gateways: 0, ports: [] });
  assert.deepEqual(outward(most), { gateways: 2, ports: [443] });
});

test('no subnet moves when a way out is asked for later', () => {
  const places = (nat: boolean) => {
    const subnets = Object.entries(all(synthesise({ nat }).database, 'AWS::EC2::Subnet'));
    return Object.fromEntries(subnets.map(([name, subnet]) => [name, subnet.Properties['CidrBlock']]));
  };
  const [before, after] = [places(false), places(true)];
  assert.equal(Object.keys(before).length, 4);
  for (const [name, place] of Object.entries(before)) assert.equal(after[name], place, name);
});

test('the password is made up at Amazon and rotated', () => {
  const schedule = only(database, `${secretsManager}RotationSchedule`).Properties;
  assert.equal(schedule['RotationRules']['ScheduleExpression'], 'rate(30 days)');
  assert.ok(schedule['RotationLambdaARN']);
  const { database: often } = synthesise({ rotationDays: 7 });
  assert.equal(only(often, `${secretsManager}RotationSchedule`).Properties['RotationRules']['ScheduleExpression'], 'rate(7 days)');
  for (const { Properties: secret } of Object.values(all(database, `${secretsManager}Secret`))) {
    assert.equal(secret['SecretString'], undefined);
    assert.ok(secret['GenerateSecretString']['PasswordLength'] >= 32);
  }
});

test('a user of its own is rotated by the master user, and takes turns with another', () => {
  const master = only(database, `${secretsManager}SecretTargetAttachment`);
  const [name] = Object.keys(all(database, `${secretsManager}SecretTargetAttachment`));
  const { database: own } = synthesise({ databaseUser: 'own' });
  assert.deepEqual(all(own, `${secretsManager}SecretTargetAttachment`)[name!]?.Properties, master.Properties);
  const templates = Object.values(all(own, `${secretsManager}Secret`)).map((secret) =>
    secret.Properties['GenerateSecretString']['SecretStringTemplate']['Fn::Join']?.[1]);
  assert.deepEqual(templates.filter(Boolean), [['{"username":"service","masterarn":"', { Ref: name }, '"}']]);
  const rotations = Object.values(all(own, 'AWS::Serverless::Application')).map((rotation) => rotation.Properties['Parameters']);
  assert.deepEqual(rotations.map((parameters) => parameters['masterSecretArn']), [undefined, { Ref: name }]);
  const schedules = Object.values(all(own, `${secretsManager}RotationSchedule`)).map((schedule) => schedule.Properties);
  // The user is made by hand, later.
  assert.deepEqual(schedules.map((schedule) => schedule['RotateImmediatelyOnUpdate']), [false, false]);
});

test('a function that signs in as the master user is not in the way of a user of its own', () => {
  const exported = (context: Record<string, unknown>) =>
    Object.values(synthesise(context).database.findOutputs('*')).flatMap((output) => output['Export']?.['Name'] ?? []);
  const later = exported({ databaseUser: 'own' });
  for (const name of exported({})) assert.ok(later.includes(name), name);
});

test('a stack that goes away takes no key along with which something is sealed or signed', () => {
  const kept = Object.values(all(most, `${secretsManager}Secret`)).filter((secret) => secret.DeletionPolicy === 'Retain');
  const names = kept.map((secret) => secret.Properties['GenerateSecretString']['GenerateStringKey']);
  assert.deepEqual(names.sort(), ['encryption_key', 'secret']);
});

test('the door to Secrets Manager is open for the secrets of this application alone', () => {
  const doors = Object.values(all(most, 'AWS::EC2::VPCEndpoint'));
  const door = doors.find((endpoint) => endpoint.Properties['ServiceName'].endsWith('.secretsmanager'));
  const [secrets, passwords] = door?.Properties['PolicyDocument']['Statement'];
  // Five that Doorward reads, and the master user's, with which the rotation makes users.
  assert.equal(secrets['Resource'].length, 6);
  assert.ok(secrets['Resource'].includes(MOST.secretArns));
  assert.ok(secrets['Action'].every((action: string) => !action.includes('*')));
  // It touches no secret, so there is no resource to name.
  assert.deepEqual([passwords['Action'], passwords['Resource']], ['secretsmanager:GetRandomPassword', '*']);
});

test('there is a door to every service that is asked, and to no other', () => {
  const doors = (context: Record<string, unknown>) =>
    Object.values(all(synthesise(context).database, 'AWS::EC2::VPCEndpoint')).map((door) => door.Properties['ServiceName'].split('.').pop()).sort();
  const pool = { userPoolId: 'eu-west-1_Ab3', userPoolClientId: 'abc' };
  assert.deepEqual(doors({}), ['email', 'secretsmanager']);
  assert.deepEqual(doors(pool), ['cognito-idp', 'email', 'secretsmanager']);
  assert.deepEqual(doors({ ...pool, nat: true }), ['secretsmanager']);
});

test('a key of the user seals the cluster and every secret', () => {
  const key = MOST.kmsKeyArn;
  assert.equal(only(most, 'AWS::DocDB::DBCluster').Properties['KmsKeyId'], key);
  const secrets = Object.values(all(most, `${secretsManager}Secret`));
  assert.deepEqual(secrets.map((secret) => secret.Properties['KmsKeyId']), [key, key, key, key]);
});

test('each log ends some day', () => {
  const groups = Object.values(all(synthesise({ logDays: 90 }).database, 'AWS::Logs::LogGroup'));
  assert.deepEqual(groups.map((group) => group.Properties['RetentionInDays']), [90, 90]);
  assert.deepEqual(groups.map((group) => group.Properties['LogGroupName']).sort(), [
    '/aws/docdb/authservicedatabase/audit', '/aws/docdb/authservicedatabase/profiler',
  ]);
});
