//! Doorward on AWS: `cdk deploy AuthServiceDatabase`, `cdk deploy AuthServiceApi`. docs/aws.md tells how.

import { App } from 'aws-cdk-lib';

import { Mistakes } from './lib/reader.ts';
import { stacks } from './lib/stacks.ts';

const app = new App();
try {
  stacks(app, process.env);
  app.synth();
} catch (error) {
  if (!(error instanceof Mistakes)) throw error;
  console.error(`The settings have mistakes (docs/aws.md lists them all):\n${error.lines.map((line) => `  ${line}`).join('\n')}`);
  process.exitCode = 1;
}
