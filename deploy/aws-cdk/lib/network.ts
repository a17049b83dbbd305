//! The network: private subnets, who may talk to whom, and the doors to Amazon's services. Knows no database and no function.

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

import type { Settings } from './settings.ts';

export const MONGODB = ec2.Port.tcp(27017);

/** Where Doorward's function stands. */
const SERVICE = 'Service';
/** Where the database stands. */
const DATABASE = 'Database';

export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly service: ec2.SubnetSelection = { subnetGroupName: SERVICE };
  readonly database: ec2.SubnetSelection = { subnetGroupName: DATABASE };
  /** Who carries this is Doorward. */
  readonly doorward: ec2.SecurityGroup;
  /** Who carries this changes the database's password. */
  readonly rotation: ec2.SecurityGroup;
  /** The database itself. */
  readonly cluster: ec2.SecurityGroup;
  /** The door to Secrets Manager. */
  readonly secretsManager: ec2.InterfaceVpcEndpoint;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const { nat } = settings;
    const within = nat ? ec2.SubnetType.PRIVATE_WITH_EGRESS : ec2.SubnetType.PRIVATE_ISOLATED;
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(settings.vpcCidr),
      availabilityZones: [...settings.zones],
      natGateways: nat ? 1 : 0,
      createInternetGateway: nat,
      subnetConfiguration: [
        // Its room is kept in any case: the other subnets could not move when it is wanted later.
        { name: 'Outside', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 28, reserved: !nat },
        { name: SERVICE, subnetType: within },
        { name: DATABASE, subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      ],
    });
    this.doorward = this.#group('Doorward', 'Doorward');
    this.rotation = this.#group('Rotation', 'Rotation of the password of the database');
    this.cluster = this.#group('Cluster', 'The database');
    const doors = this.#group('Doors', 'Doors to services of AWS');
    // A rule between two groups is the way out of the one and into the other. The rotation brings its own to the database.
    this.cluster.connections.allowFrom(this.doorward, MONGODB, 'MongoDB from Doorward');
    doors.connections.allowFrom(this.doorward, ec2.Port.HTTPS, 'Services of AWS from Doorward');
    doors.connections.allowFrom(this.rotation, ec2.Port.HTTPS, 'Services of AWS from the rotation');
    this.secretsManager = this.#door(ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER, 'SecretsManager', doors);
    if (nat) {
      this.doorward.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.HTTPS, 'Providers, issuers and services outside');
    } else {
      this.#door(ec2.InterfaceVpcEndpointAwsService.EMAIL, 'Mail', doors);
      if (settings.userPoolId) this.#door(ec2.InterfaceVpcEndpointAwsService.COGNITO_IDP, 'UserPool', doors);
    }
  }

  #group(id: string, description: string): ec2.SecurityGroup {
    return new ec2.SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false });
  }

  #door(service: ec2.InterfaceVpcEndpointAwsService, id: string, doors: ec2.SecurityGroup): ec2.InterfaceVpcEndpoint {
    return this.vpc.addInterfaceEndpoint(id, { service, subnets: this.service, securityGroups: [doors], open: false });
  }
}
