//! What must be true of the stack that answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Found, MOST, type Synthesised, all, only, synthesise } from './stacks.ts';

const least = synthesise();
const most = synthesise(MOST);

const environment = ({ api }: Synthesised) => only(api, 'AWS::Lambda::Function').Properties['Environment']['Variables'];

/** A value of a template as text, with its references by name. */
function text(value: any): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Fn::Join' in value) return value['Fn::Join'][1].map(text).join(value['Fn::Join'][0]);
  return `<${Object.values(value).flat().join('.')}>`;
}

test('the function runs on provided.al2023, on either architecture', () => {
  for (const architecture of ['x86_64', 'arm64']) {
    const program = only(synthesise({ architecture }).api, 'AWS::Lambda::Function').Properties;
    assert.deepEqual([program['Runtime'], program['Handler'], program['Architectures']], ['provided.al2023', 'bootstrap', [architecture]]);
  }
});

test('the function stands in the private network, and so many run at a time as were said', () => {
  const program = only(synthesise({ concurrency: 7, memory: 512 }).api, 'AWS::Lambda::Function').Properties;
  assert.deepEqual([program['ReservedConcurrentExecutions'], program['MemorySize'], program['Timeout']], [7, 512, 29]);
  assert.equal(program['VpcConfig']['SubnetIds'].length, 2);
  assert.equal(program['VpcConfig']['SecurityGroupIds'].length, 1);
});

test('a new account, which can reserve nothing, takes the function', () => {
  for (const { api } of [least, synthesise({ concurrency: 'none' })]) {
    assert.equal(only(api, 'AWS::Lambda::Function').Properties['ReservedConcurrentExecutions'], undefined);
  }
});

test('Doorward is told where everything is, and secrets by reference alone', () => {
  const told = environment(most);
  assert.match(text(told['MONGODB_URI']), /^mongodb:\/\/<[^>]*Endpoint[^>]*>:<[^>]*>\/\?tls=true&replicaSet=rs0&readPreference=primary&retryWrites=false$/);
  const references = {
    DOORWARD__STORE__USERNAME: 'username', DOORWARD__STORE__PASSWORD: 'password',
    DOORWARD__TOKENS__ENCRYPTION_KEY: 'encryption_key', JWT_SECRET_KEY: 'secret', COGNITO_CLIENT_SECRET: 'client_secret',
  };
  for (const [variable, key] of Object.entries(references)) {
    assert.match(text(told[variable]), new RegExp(`^aws-sm://(<[^>]*>|arn:[^#]*)#${key}$`), variable);
  }
  assert.equal(told['DOORWARD__STORE__TLS_CA_FILE'], '/var/task/global-bundle.pem');
  assert.deepEqual([told['ENVIRONMENT'], told['LOG_LEVEL']], ['production', 'INFO']);
  assert.equal(told['DOORWARD__SERVER__PUBLIC_URL'], 'https://auth.example.com');
  assert.deepEqual([told['DOORWARD__MAIL__URL'], told['DOORWARD__MAIL__FROM']], ['ses://eu-west-1', 'Harbour <no-reply@example.com>']);
});

test('no value of a secret is resolved into the stack', () => {
  assert.doesNotMatch(JSON.stringify(most.api.toJSON()), /\{\{resolve:/);
});

test('without a shared secret there is none', () => {
  assert.equal(environment(least)['JWT_SECRET_KEY'], undefined);
});

test('the address of API Gateway will do as the public one', () => {
  const told = text(environment(synthesise({ publicUrl: 'api' }))['DOORWARD__SERVER__PUBLIC_URL']);
  assert.match(told, /^<Api.*ApiEndpoint>$/);
});

test('every path reaches the function in the second form of payloads', () => {
  assert.equal(only(least.api, 'AWS::ApiGatewayV2::Route').Properties['RouteKey'], '$default');
  const { PayloadFormatVersion, IntegrationType } = only(least.api, 'AWS::ApiGatewayV2::Integration').Properties;
  assert.deepEqual([IntegrationType, PayloadFormatVersion], ['AWS_PROXY', '2.0']);
});

test('pages of the named origins may call with credentials, and no others', () => {
  const cors = only(most.api, 'AWS::ApiGatewayV2::Api').Properties['CorsConfiguration'];
  assert.deepEqual(cors['AllowOrigins'], ['https://app.example.com', 'https://admin.example.com', 'https://help.example.com']);
  assert.equal(cors['AllowCredentials'], true);
  assert.ok(!cors['AllowHeaders'].includes('*'));
  const told = environment(most);
  assert.equal(told['DOORWARD__SERVER__FRONTEND_URL'], 'https://app.example.com');
  assert.equal(told['DOORWARD__SERVER__CORS_ORIGINS'], 'https://admin.example.com,https://help.example.com');
});

test('a name of the user takes the place of the address of API Gateway', () => {
  const { api } = most;
  const domain = only(api, 'AWS::ApiGatewayV2::DomainName').Properties;
  assert.equal(domain['DomainName'], 'auth.example.com');
  assert.equal(domain['DomainNameConfigurations'][0]['SecurityPolicy'], 'TLS_1_2');
  assert.equal(only(api, 'AWS::ApiGatewayV2::Api').Properties['DisableExecuteApiEndpoint'], true);
  assert.ok(api.findOutputs('DomainTarget')['DomainTarget']);
});

test('chores are asked for every minute, and never twice', () => {
  const rule = only(least.api, 'AWS::Events::Rule').Properties;
  assert.equal(rule['ScheduleExpression'], 'rate(1 minute)');
  const [target] = rule['Targets'];
  assert.deepEqual(JSON.parse(target['Input']), { doorward: 'chores' });
  assert.equal(target['RetryPolicy']['MaximumRetryAttempts'], 0);
  assert.equal(only(least.api, 'AWS::Lambda::EventInvokeConfig').Properties['MaximumRetryAttempts'], 0);
});

test('answers are streamed from an address of the function where that is asked for', () => {
  assert.deepEqual(all(least.api, 'AWS::Lambda::Url'), {});
  assert.equal(environment(least)['DOORWARD__LAMBDA__STREAMING'], undefined);
  const url = only(most.api, 'AWS::Lambda::Url').Properties;
  assert.deepEqual([url['InvokeMode'], url['AuthType']], ['RESPONSE_STREAM', 'NONE']);
  assert.equal(environment(most)['DOORWARD__LAMBDA__STREAMING'], 'true');
  // Whoever deploys it reads that it is open, and what it does without.
  assert.match(most.api.findOutputs('FunctionUrl')['FunctionUrl']?.['Description'], /^Public, and without the throttle/);
});

test('nobody but API Gateway and the chores may call the function', () => {
  const permissions = Object.values(all(least.api, 'AWS::Lambda::Permission')).map((permission) => permission.Properties);
  assert.deepEqual(permissions.map((permission) => permission['Principal']).sort(), ['apigateway.amazonaws.com', 'events.amazonaws.com']);
  assert.ok(permissions.every((permission) => permission['SourceArn']));
});

test('each log ends some day', () => {
  const groups = Object.values(all(synthesise({ logDays: 7 }).api, 'AWS::Logs::LogGroup'));
  assert.deepEqual(groups.map((group) => group.Properties['RetentionInDays']), [7, 7]);
});

test('somebody is told when something is wrong', () => {
  const { api } = most;
  const alarms = Object.values(all(api, 'AWS::CloudWatch::Alarm')).map((alarm: Found) => alarm.Properties);
  assert.deepEqual(alarms.map((alarm) => `${alarm['Namespace']} ${alarm['MetricName']}`).sort(), [
    'AWS/ApiGateway 5xx', 'AWS/DocDB CPUUtilization', 'AWS/DocDB DatabaseConnections', 'AWS/Events Invocations',
    'AWS/Lambda Duration', 'AWS/Lambda Errors', 'AWS/Lambda Throttles', 'Doorward OpenTime', 'Doorward StoreConnectTime',
  ]);
  assert.ok(alarms.every((alarm) => alarm['AlarmActions'].length === 1));
  assert.equal(only(api, 'AWS::SNS::Subscription').Properties['Endpoint'], 'watch@example.com');
});

test('somebody is told before the database has no connections left, whatever its class', () => {
  const classes = { 't4g.medium': 800, 'r6g.large': 2720, 'r5.2xlarge': 11360, 'r6g.16xlarge': 48000 };
  for (const [instanceClass, threshold] of Object.entries(classes)) {
    const alarms = Object.values(all(synthesise({ instanceClass }).api, 'AWS::CloudWatch::Alarm')).map((alarm) => alarm.Properties);
    const alarm = alarms.find((alarm) => alarm['MetricName'] === 'DatabaseConnections');
    assert.deepEqual([alarm?.['Threshold'], alarm?.['Statistic']], [threshold, 'Maximum'], instanceClass);
  }
});
