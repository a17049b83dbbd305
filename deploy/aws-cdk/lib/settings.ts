//! The settings a user gives, read from the CDK's context (`-c key=value`, or `context` in `cdk.json`): what they are, their
//! defaults, and how they depend on each other. docs/aws.md lists them.

import { inspect } from './asset.ts';
import { connectionsOf, instanceClass } from './instance-class.ts';
import {
  type Form, Reader, httpsOrigin, list, matching, number, numberOf, oneOf, orWord, privateNetwork, truth,
} from './reader.ts';

const mailbox = matching(
  /^([^<>\r\n]+ <)?[^<>@\s]+@([a-z0-9-]+\.)+[a-z]{2,}>?$/i,
  'a sender (Harbour <no-reply@example.com>)',
);
const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const secretArn = arn('secretsmanager', 'secret:[\\w/+=.@-]+-\\w{6}', 'a secret, with the six characters at its end');

/** What there is to set. */
export interface Settings {
  readonly region: string;
  readonly account: string | undefined;
  readonly environment: 'production' | 'staging';

  readonly vpcCidr: string;
  readonly zones: readonly string[];
  readonly nat: boolean;

  readonly instanceClass: string;
  readonly instances: number;
  readonly backupDays: number;
  readonly databaseUser: 'master' | 'own';
  readonly rotationDays: number;
  readonly kmsKeyArn: string | undefined;

  readonly asset: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly memory: number;
  readonly concurrency: number | 'none';
  readonly functionUrl: boolean;

  /** Absent: the address that API Gateway gives. */
  readonly publicUrl: string | undefined;
  readonly certificateArn: string | undefined;
  readonly frontendUrl: string;
  readonly corsOrigins: readonly string[];
  readonly requestsPerSecond: number;

  readonly algorithm: 'EdDSA' | 'HS256';
  readonly mailFrom: string;
  readonly mailIdentity: string;
  readonly userPoolId: string | undefined;
  readonly userPoolClientId: string | undefined;
  readonly userPoolClientSecretArn: string | undefined;
  readonly secretArns: readonly string[];

  readonly logLevel: 'INFO' | 'DEBUG' | 'ERROR';
  readonly logDays: number;
  readonly alarmEmail: string | undefined;
}

/** Days for which CloudWatch can keep logs, as far as they make sense here. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const;
/** Connections of a function instance to the primary: for requests, to watch it, and one more while the password changes. */
const CONNECTIONS_EACH = 3;
/** What `publicUrl` says for the address that API Gateway gives. */
const OF_THE_API = 'api';

/** Reads all settings, or throws all `Mistakes`. */
export function readSettings(context: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): Settings {
  const told = new Reader({ region: env['CDK_DEFAULT_REGION'], account: env['CDK_DEFAULT_ACCOUNT'], ...context });
  const settings = {
    ...place(told), ...database(told), ...computing(told), ...surface(told), ...identity(told), ...watch(told),
  };
  judge(told, settings);
  told.finish();
  return settings;
}

function place(told: Reader) {
  const region = told.required('region', matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region (eu-west-1)'),
    'give -c region=… or set AWS_REGION');
  return {
    region,
    account: told.maybe('account', matching(/^\d{12}$/, 'the twelve digits of an account')),
    environment: told.or('environment', oneOf('production', 'staging'), 'production'),
    vpcCidr: told.or('vpcCidr', privateNetwork, '10.20.0.0/22'),
    zones: told.or('zones', list(matching(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'an availability zone (eu-west-1a)')),
      [`${region}a`, `${region}b`]),
    nat: told.or('nat', truth, false),
  };
}

function database(told: Reader) {
  return {
    instanceClass: told.or('instanceClass', instanceClass, 't4g.medium'),
    instances: told.or('instances', number(1, 16), 2),
    backupDays: told.or('backupDays', number(7, 35), 14),
    databaseUser: told.or('databaseUser', oneOf('master', 'own'), 'master'),
    rotationDays: told.or('rotationDays', number(1, 365), 30),
    kmsKeyArn: told.maybe('kmsKeyArn', arn('kms', `key/(mrk-[0-9a-f]{32}|${UUID})`, 'a key (no alias)')),
  };
}

function computing(told: Reader) {
  return {
    asset: told.or('asset', matching(/./, 'a file'), '../../target/lambda/bootstrap.zip'),
    architecture: told.or('architecture', oneOf('x86_64', 'arm64'), 'x86_64'),
    // 1769 MB are one whole virtual CPU: a hash of a password takes as long as anywhere.
    memory: told.or('memory', number(256, 10240), 1769),
    // New accounts may run ten calls at a time and reserve none of them.
    concurrency: told.or('concurrency', orWord(number(2, 1000), 'none'), 'none'),
    functionUrl: told.or('functionUrl', truth, false),
  };
}

function surface(told: Reader) {
  const publicUrl = told.required('publicUrl', orWord(httpsOrigin, OF_THE_API),
    `give -c publicUrl=https://…, how clients will reach Doorward, or ${OF_THE_API} for the address of API Gateway`);
  return {
    publicUrl: publicUrl === OF_THE_API ? undefined : publicUrl,
    certificateArn: told.maybe('certificateArn', arn('acm', `certificate/${UUID}`, 'a certificate')),
    frontendUrl: told.required('frontendUrl', httpsOrigin, 'give -c frontendUrl=https://…, where your web application is'),
    corsOrigins: told.or('corsOrigins', list(httpsOrigin), []),
    requestsPerSecond: told.or('requestsPerSecond', number(1, 10000), 200),
  };
}

function identity(told: Reader) {
  const mailFrom = told.required('mailFrom', mailbox, 'give -c mailFrom=no-reply@…, whom letters come from');
  return {
    algorithm: told.or('algorithm', oneOf('EdDSA', 'HS256'), 'EdDSA'),
    mailFrom,
    mailIdentity: told.or('mailIdentity', matching(/^([^@\s]+@)?([a-z0-9-]+\.)+[a-z]{2,}$/, 'a domain or an address'),
      String(mailFrom).replace(/^.*@|>$/g, '').toLowerCase()),
    userPoolId: told.maybe('userPoolId', matching(/^[a-z-]+\d_\w+$/, 'the id of a pool (eu-west-1_Ab3)')),
    userPoolClientId: told.maybe('userPoolClientId', matching(/^\w+$/, 'the id of a client')),
    userPoolClientSecretArn: told.maybe('userPoolClientSecretArn', secretArn),
    secretArns: told.or('secretArns', list(secretArn), []),
  };
}

function watch(told: Reader) {
  return {
    logLevel: told.or('logLevel', oneOf('INFO', 'DEBUG', 'ERROR'), 'INFO'),
    logDays: told.or('logDays', numberOf(...LOG_DAYS), 30),
    alarmEmail: told.maybe('alarmEmail', matching(/^[^<>@\s]+@[^<>@\s]+$/, 'an address')),
  };
}

/** What each setting demands of the others. */
function judge(told: Reader, settings: Settings): void {
  const { region, zones, publicUrl, certificateArn, userPoolId, userPoolClientId, userPoolClientSecretArn } = settings;
  const most = Math.floor(connectionsOf(settings.instanceClass) / CONNECTIONS_EACH);
  if (settings.concurrency !== 'none' && settings.concurrency > most) {
    told.object('concurrency', `must be at most ${most}, for whose connections ${settings.instanceClass} has room`);
  }
  if (settings.functionUrl && settings.concurrency === 'none') {
    told.object('functionUrl', 'is an address without the throttle of API Gateway; give -c concurrency=…, so that something bounds it');
  }
  if (new Set(zones).size !== zones.length || zones.length < 2 || zones.length > 3) {
    told.object('zones', 'must be two or three different ones: DocumentDB wants to stand in two at least');
  }
  if (region && zones.some((zone) => !zone.startsWith(region))) told.object('zones', `must be in ${region}`);
  if (certificateArn && !publicUrl) told.object('certificateArn', 'is for a name of yours; give -c publicUrl=https://…');
  if (certificateArn && publicUrl && new URL(publicUrl).port) told.object('publicUrl', 'must be at 443, where API Gateway is');
  for (const [key, name] of [['certificateArn', certificateArn], ['kmsKeyArn', settings.kmsKeyArn]] as const) {
    if (name && name.split(':')[3] !== region) told.object(key, `must be in ${region}, as what uses it`);
  }
  inspect(settings.asset, settings.architecture).forEach((mistake) => told.object('asset', mistake));
  if ((userPoolId === undefined) !== (userPoolClientId === undefined)) {
    told.object('userPoolId', 'and userPoolClientId go together; give both or none');
  }
  if (userPoolId && !userPoolId.startsWith(`${region}_`)) told.object('userPoolId', `must be in ${region}`);
  if (userPoolClientSecretArn && !userPoolClientId) {
    told.object('userPoolClientSecretArn', 'needs userPoolId and userPoolClientId');
  }
}

/** The name of a resource at Amazon, whatever the partition. */
function arn(service: string, resource: string, is: string): Form<string> {
  return matching(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:${resource}$`), `the ARN of ${is}`);
}
