//! The stack that keeps things: network, DocumentDB, and the secrets without which what it keeps is of no use. It changes
//! rarely, and nothing in it is deleted by accident.

import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as docdb from 'aws-cdk-lib/aws-docdb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

import { MONGODB, Network } from './network.ts';
import type { Settings } from './settings.ts';

/** A fixed name: the cluster's logs are kept under it, and a restored cluster can take its place. */
const CLUSTER = 'authservicedatabase';
/** The user that has rights on Doorward's database alone, where there is one. */
const SERVICE_USER = 'service';
/** What DocumentDB refuses in passwords, and what would have to be escaped in shells and connection strings. */
const NOT_IN_PASSWORDS = ' "\'/\\@:%$`!&*(){}[]<>|;?#~^,=+';

export class DatabaseStack extends Stack {
  readonly network: Network;
  readonly cluster: docdb.DatabaseCluster;
  /** User and password that Doorward signs in to the database with. */
  readonly credentials: secrets.ISecret;
  /** What seals the keys that sign tokens. */
  readonly encryptionKey: secrets.Secret;
  /** What signs tokens, with HS256 only. */
  readonly tokenSecret: secrets.Secret | undefined;
  /** Every secret that Doorward reads: those above, and those that the settings name. */
  readonly secretArns: readonly string[];

  constructor(scope: Construct, id: string, settings: Settings, props: StackProps) {
    super(scope, id, props);
    const key = settings.kmsKeyArn === undefined ? undefined : kms.Key.fromKeyArn(this, 'Key', settings.kmsKeyArn);
    this.network = new Network(this, 'Network', settings);
    this.cluster = this.#cluster(settings, key);
    const master = this.cluster.secret!;
    this.#rotate('Rotation', settings, secrets.SecretRotationApplication.MONGODB_ROTATION_SINGLE_USER, master);
    this.credentials = settings.databaseUser === 'own' ? this.#ownUser(settings, master, key) : master;
    this.encryptionKey = this.#secret('EncryptionKey', 'encryption_key', 'Seals the signing keys. Never change it.', key);
    if (settings.algorithm === 'HS256') {
      this.tokenSecret = this.#secret('TokenSecret', 'secret', 'What Doorward and services share to judge tokens.', key);
    }
    this.secretArns = [
      ...[this.credentials, this.encryptionKey, this.tokenSecret].map((secret) => secret?.secretArn),
      settings.userPoolClientSecretArn,
      ...settings.secretArns,
    ].filter((name) => name !== undefined);
    this.#guardDoor(master);
    new CfnOutput(this, 'ClusterEndpoint', { value: this.cluster.clusterEndpoint.hostname });
    new CfnOutput(this, 'CredentialsArn', { value: this.credentials.secretArn });
    if (master !== this.credentials) new CfnOutput(this, 'MasterCredentialsArn', { value: master.secretArn });
    // For who has to get in by hand.
    new CfnOutput(this, 'DoorwardGroup', { value: this.network.doorward.securityGroupId });
    new CfnOutput(this, 'ServiceSubnets', { value: this.network.vpc.selectSubnets(this.network.service).subnetIds.join(',') });
  }

  #cluster(settings: Settings, kmsKey: kms.IKey | undefined): docdb.DatabaseCluster {
    const exported = ['audit', 'profiler'].map((kind) => new logs.LogGroup(this, `Log-${kind}`, {
      logGroupName: `/aws/docdb/${CLUSTER}/${kind}`,
      retention: settings.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    }));
    const parameterGroup = new docdb.ClusterParameterGroup(this, 'Parameters', {
      family: 'docdb5.0',
      description: 'Doorward: TLS always, who changes what and what is slow in the logs',
      parameters: {
        tls: 'tls1.2+', ttl_monitor: 'enabled', audit_logs: 'ddl', profiler: 'enabled', profiler_threshold_ms: '100',
      },
    });
    const cluster = new docdb.DatabaseCluster(this, 'Cluster', {
      dbClusterName: CLUSTER,
      engineVersion: '5.0.0',
      vpc: this.network.vpc,
      vpcSubnets: this.network.database,
      securityGroup: this.network.cluster,
      instanceType: new ec2.InstanceType(settings.instanceClass),
      instances: settings.instances,
      masterUser: { username: 'doorward', excludeCharacters: NOT_IN_PASSWORDS, kmsKey },
      parameterGroup,
      caCertificate: rds.CaCertificate.RDS_CA_RSA2048_G1,
      storageEncrypted: true,
      kmsKey,
      backup: { retention: Duration.days(settings.backupDays), preferredWindow: '02:00-03:00' },
      preferredMaintenanceWindow: 'sun:03:30-sun:04:30',
      copyTagsToSnapshot: true,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      exportAuditLogsToCloudWatch: true,
      exportProfilerLogsToCloudWatch: true,
    });
    // Made first: DocumentDB would make them itself, and they would keep everything for ever.
    cluster.node.addDependency(...exported);
    return cluster;
  }

  /** The secret of a user whom nothing in here can make: the cluster does that, when it is told to as its master user. */
  #ownUser(settings: Settings, master: secrets.ISecret, encryptionKey: kms.IKey | undefined): secrets.ISecret {
    const secret = new docdb.DatabaseSecret(this, 'ServiceSecret', {
      username: SERVICE_USER, masterSecret: master, excludeCharacters: NOT_IN_PASSWORDS, encryptionKey,
    }).attach(this.cluster);
    // Another user of the same rights is given the new password, and both take turns, so none is ever refused.
    this.#rotate('ServiceRotation', settings, secrets.SecretRotationApplication.MONGODB_ROTATION_MULTI_USER, secret, master);
    // A function that still signs in as the master user goes on until it is deployed again.
    this.exportValue(master.secretArn);
    return secret;
  }

  #rotate(
    id: string, settings: Settings, application: secrets.SecretRotationApplication, secret: secrets.ISecret,
    masterSecret?: secrets.ISecret,
  ): void {
    const connections = new ec2.Connections({ securityGroups: [this.network.cluster], defaultPort: MONGODB });
    const rotation = new secrets.SecretRotation(this, id, {
      application,
      secret,
      ...(masterSecret && { masterSecret }),
      target: { connections },
      vpc: this.network.vpc,
      vpcSubnets: this.network.service,
      securityGroup: this.network.rotation,
      excludeCharacters: NOT_IN_PASSWORDS,
      automaticallyAfter: Duration.days(settings.rotationDays),
      // A first rotation while the cluster is being made would fail the deployment.
      rotateImmediatelyOnUpdate: false,
    });
    const instances = this.cluster.node.findAll().filter((child) => child instanceof docdb.CfnDBInstance);
    rotation.node.addDependency(this.network.secretsManager, ...instances);
  }

  #secret(id: string, name: string, description: string, encryptionKey: kms.IKey | undefined): secrets.Secret {
    return new secrets.Secret(this, id, {
      description,
      encryptionKey,
      generateSecretString: {
        secretStringTemplate: '{}', generateStringKey: name, passwordLength: 48, excludePunctuation: true,
      },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** Through the door to Secrets Manager go the secrets of this application, and no others. The rotation uses it, too. */
  #guardDoor(master: secrets.ISecret): void {
    const principals = [new iam.AnyPrincipal()];
    const letPass = (calls: string[], resources: string[]) => {
      const actions = calls.map((call) => `secretsmanager:${call}`);
      this.network.secretsManager.addToPolicy(new iam.PolicyStatement({ principals, actions, resources }));
    };
    const ours = [...new Set([...this.secretArns, master.secretArn])];
    letPass(['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'], ours);
    // Makes up a password and touches no secret, so there is no resource to name.
    letPass(['GetRandomPassword'], ['*']);
  }
}
