//! The two stacks with given settings, as templates of CloudFormation.

import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

import { stacks } from '../lib/stacks.ts';
import { asset } from './asset.ts';

// The CDK's own rules are applied where the command is run; here they would be, at length, to every template of every test.
process.env['CDK_VALIDATION'] = 'false';

/** What everybody must give. */
export const LEAST = {
  region: 'eu-west-1',
  account: '123456789012',
  publicUrl: 'https://auth.example.com',
  frontendUrl: 'https://app.example.com',
  mailFrom: 'Harbour <no-reply@example.com>',
};

/** Everything there is to add to them. */
export const MOST = {
  alarmEmail: 'watch@example.com',
  algorithm: 'HS256',
  architecture: 'arm64',
  certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/0199a7b0-0000-7000-8000-000000000000',
  concurrency: 25,
  corsOrigins: 'https://admin.example.com, https://help.example.com',
  databaseUser: 'own',
  functionUrl: true,
  kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/0199a7b0-0000-7000-8000-000000000000',
  nat: true,
  secretArns: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:provider-AbCdEf',
  userPoolClientId: 'abc',
  userPoolClientSecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:pool-AbCdEf',
  userPoolId: 'eu-west-1_Ab3',
  zones: 'eu-west-1a,eu-west-1b,eu-west-1c',
};

export interface Synthesised {
  readonly database: Template;
  readonly api: Template;
}

/** Both stacks, of the least settings and those given. */
export function synthesise(context: Record<string, unknown> = {}): Synthesised {
  const machine = context['architecture'] === 'arm64' ? 183 : 62;
  const app = new App({ context: { ...LEAST, asset: asset({ machine }), ...context }, analyticsReporting: false });
  const { database, api } = stacks(app, {});
  return { database: Template.fromStack(database), api: Template.fromStack(api) };
}

/** A resource of a template, whatever it is called. */
export interface Found {
  readonly Properties: Record<string, any>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: string[];
}

/** All resources of a type, by their names. */
export function all(template: Template, type: string): Record<string, Found> {
  return template.findResources(type) as Record<string, any>;
}

/** The one resource of a type. */
export function only(template: Template, type: string): Found {
  const found = Object.values(all(template, type));
  if (found.length !== 1) throw new Error(`${found.length} of ${type}`);
  return found[0]!;
}
