//! The stack that answers: the function, the HTTP API in front of it, its chores and alarms. It can be thrown away and made
//! again; what it would be a pity to lose is in the other one.

import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as api from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

import { Alarms } from './alarms.ts';
import type { DatabaseStack } from './database-stack.ts';
import { environmentOf } from './environment.ts';
import { connectionsOf } from './instance-class.ts';
import { roleOf } from './role.ts';
import type { Settings } from './settings.ts';

/** What pages may send. Listed, because with credentials a star would mean a header of that name. */
const CORS_HEADERS = [
  'Accept', 'Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'X-Request-Id', 'X-Requested-With',
];
/** What pages may read beside the body; the same as Doorward says where nobody stands in front of it. */
const CORS_EXPOSED = ['ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'];
const CORS_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
/** API Gateway waits for 30 seconds; whatever takes longer is answered by it, and not by Doorward. */
const TIMEOUT = Duration.seconds(29);

export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, database: DatabaseStack, settings: Settings, props: StackProps) {
    super(scope, id, props);
    const httpApi = this.#httpApi(settings);
    const publicUrl = settings.publicUrl ?? httpApi.apiEndpoint;
    const log = this.#log('Log', settings);
    const program = this.#function(log, publicUrl, database, settings);
    new api.HttpRoute(this, 'Route', {
      httpApi, routeKey: api.HttpRouteKey.DEFAULT, integration: new HttpLambdaIntegration('Integration', program),
    });
    const chores = this.#chores(program);
    new Alarms(this, 'Alarms', {
      function: program, log, api: httpApi, chores, cluster: database.cluster,
      connections: connectionsOf(settings.instanceClass),
    }, settings.alarmEmail);
    new CfnOutput(this, 'PublicUrl', { value: publicUrl });
    if (settings.functionUrl) this.#functionUrl(program);
  }

  #log(id: string, settings: Settings): logs.LogGroup {
    return new logs.LogGroup(this, id, { retention: settings.logDays, removalPolicy: RemovalPolicy.DESTROY });
  }

  #function(log: logs.LogGroup, publicUrl: string, database: DatabaseStack, settings: Settings): lambda.Function {
    // Named, so that its role can name it before it is there.
    const functionName = this.stackName;
    return new lambda.Function(this, 'Function', {
      functionName,
      description: 'Doorward',
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: settings.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      handler: 'bootstrap',
      code: lambda.Code.fromAsset(settings.asset),
      memorySize: settings.memory,
      timeout: TIMEOUT,
      ...(settings.concurrency !== 'none' && { reservedConcurrentExecutions: settings.concurrency }),
      vpc: database.network.vpc,
      vpcSubnets: database.network.service,
      securityGroups: [database.network.doorward],
      role: roleOf(this, functionName, log, database, settings),
      logGroup: log,
      environment: environmentOf(this.region, publicUrl, database, settings),
      // Chores come again within a minute; yesterday's are of no use.
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
    });
  }

  #httpApi(settings: Settings): api.HttpApi {
    const httpApi = new api.HttpApi(this, 'Api', {
      apiName: this.stackName,
      createDefaultStage: false,
      disableExecuteApiEndpoint: settings.certificateArn !== undefined,
      corsPreflight: {
        allowOrigins: [settings.frontendUrl, ...settings.corsOrigins],
        allowCredentials: true,
        allowMethods: CORS_METHODS.map((method) => api.CorsHttpMethod[method]),
        allowHeaders: CORS_HEADERS,
        exposeHeaders: CORS_EXPOSED,
        maxAge: Duration.minutes(10),
      },
    });
    const domainName = this.#domainName(settings);
    new api.HttpStage(this, 'Stage', {
      httpApi,
      autoDeploy: true,
      throttle: { rateLimit: settings.requestsPerSecond, burstLimit: 2 * settings.requestsPerSecond },
      accessLogSettings: {
        destination: new api.LogGroupLogDestination(this.#log('AccessLog', settings)),
        // What API Gateway alone knows; Doorward's own log tells the rest, and neither tells addresses of people.
        format: AccessLogFormat.custom(JSON.stringify({
          requestId: '$context.requestId', status: '$context.status', ms: '$context.responseLatency',
          functionStatus: '$context.integrationStatus', functionMs: '$context.integrationLatency',
          error: '$context.integrationErrorMessage',
        })),
      },
      ...(domainName && { domainMapping: { domainName } }),
    });
    return httpApi;
  }

  /** The name of the public address, where its certificate is given. */
  #domainName({ certificateArn, publicUrl }: Settings): api.DomainName | undefined {
    if (certificateArn === undefined || publicUrl === undefined) return undefined;
    const domainName = new api.DomainName(this, 'Domain', {
      domainName: new URL(publicUrl).hostname,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      securityPolicy: api.SecurityPolicy.TLS_1_2,
    });
    new CfnOutput(this, 'DomainTarget', { value: domainName.regionalDomainName });
    return domainName;
  }

  #chores(program: lambda.Function): events.Rule {
    return new events.Rule(this, 'Chores', {
      description: 'Doorward sends its letters and sweeps what has run out',
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(program, {
        event: events.RuleTargetInput.fromObject({ doorward: 'chores' }), retryAttempts: 0, maxEventAge: Duration.minutes(1),
      })],
    });
  }

  /** A second public address, whose answers begin before they have ended, and at which nobody counts requests. */
  #functionUrl(program: lambda.Function): void {
    const url = program.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.NONE, invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
    });
    const description = 'Public, and without the throttle, the access log and the name of PublicUrl';
    new CfnOutput(this, 'FunctionUrl', { value: url.url, description });
  }
}
