//! What the function may do: each call it makes, on the one thing it makes it on. Nothing else grants it anything.

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

import type { DatabaseStack } from './database-stack.ts';
import type { Settings } from './settings.ts';

/** What Lambda needs to put a function into a network. Several of these know no resource, and Lambda asks for all or none. */
export const NETWORK_INTERFACES = [
  'AssignPrivateIpAddresses', 'CreateNetworkInterface', 'DeleteNetworkInterface', 'DescribeNetworkInterfaces',
  'DescribeSubnets', 'UnassignPrivateIpAddresses',
].map((call) => `ec2:${call}`);

/** What Doorward asks a user pool for beside the calls that need no permission. docs/accounts.md tells what each is for. */
const POOL_CALLS = [
  'AdminCreateUser', 'AdminDeleteUser', 'AdminGetUser', 'AdminSetUserPassword', 'AdminUpdateUserAttributes',
  'AdminUserGlobalSignOut', 'DescribeUserPool', 'DescribeUserPoolClient', 'ListUsers',
].map((call) => `cognito-idp:${call}`);

/** The role of the function of that name. */
export function roleOf(
  scope: Construct, functionName: string, log: logs.ILogGroup, database: DatabaseStack, settings: Settings,
): iam.Role {
  const role = new iam.Role(scope, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const allow = (actions: string[], resource: string, conditions: iam.Conditions = {}) =>
    role.addToPolicy(new iam.PolicyStatement({ actions, resources: [resource], conditions }));
  const arn = (service: string, resource: string, resourceName: string, arnFormat = ArnFormat.SLASH_RESOURCE_NAME) =>
    Stack.of(scope).formatArn({ service, resource, resourceName, arnFormat });

  log.grantWrite(role);
  allow(NETWORK_INTERFACES, '*');
  // Lambda does that before the program runs; the program itself has no business there.
  const itself = arn('lambda', 'function', functionName, ArnFormat.COLON_RESOURCE_NAME);
  role.addToPolicy(new iam.PolicyStatement({
    effect: iam.Effect.DENY,
    actions: NETWORK_INTERFACES,
    resources: ['*'],
    conditions: { ArnEquals: { 'lambda:SourceFunctionArn': itself } },
  }));
  database.secretArns.forEach((name) => allow(['secretsmanager:GetSecretValue'], name));
  if (settings.kmsKeyArn !== undefined) {
    const viaService = `secretsmanager.${settings.region}.amazonaws.com`;
    allow(['kms:Decrypt'], settings.kmsKeyArn, { StringEquals: { 'kms:ViaService': viaService } });
  }
  allow(['ses:SendEmail', 'ses:SendRawEmail'], arn('ses', 'identity', settings.mailIdentity), {
    StringEquals: { 'ses:FromAddress': addressOf(settings.mailFrom) },
  });
  if (settings.userPoolId !== undefined) allow(POOL_CALLS, arn('cognito-idp', 'userpool', settings.userPoolId));
  return role;
}

/** `Harbour <no-reply@example.com>` is `no-reply@example.com`. */
function addressOf(mailbox: string): string {
  return /<(.*)>$/.exec(mailbox)?.[1] ?? mailbox;
}
