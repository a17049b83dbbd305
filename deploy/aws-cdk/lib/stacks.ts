//! The two stacks of an app, of the settings in its context.

import { type App, Tags } from 'aws-cdk-lib';

import { ApiStack } from './api-stack.ts';
import { DatabaseStack } from './database-stack.ts';
import { readSettings } from './settings.ts';

/** Adds both to an app, or throws `Mistakes`. */
export function stacks(app: App, variables: NodeJS.ProcessEnv): { database: DatabaseStack; api: ApiStack } {
  const settings = readSettings(app.node.getAllContext(), variables);
  const env = { region: settings.region, account: settings.account };
  const database = new DatabaseStack(app, 'AuthServiceDatabase', settings, {
    env, description: 'Doorward: network, DocumentDB and secrets', terminationProtection: true,
  });
  const api = new ApiStack(app, 'AuthServiceApi', database, settings, {
    env, description: 'Doorward: function, HTTP API and alarms',
  });
  Tags.of(app).add('application', 'doorward');
  return { database, api };
}
