//! What somebody should be told about, and whom to tell.

import { Duration } from 'aws-cdk-lib';
import type * as api from 'aws-cdk-lib/aws-apigatewayv2';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as docdb from 'aws-cdk-lib/aws-docdb';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

const NAMESPACE = 'Doorward';
const FIVE_MINUTES = Duration.minutes(5);

/** What is watched. */
export interface Watched {
  readonly function: lambda.Function;
  readonly log: logs.ILogGroup;
  readonly api: api.HttpApi;
  readonly chores: events.Rule;
  readonly cluster: docdb.DatabaseCluster;
  /** How many each of the cluster's instances takes. */
  readonly connections: number;
}

export class Alarms extends Construct {
  readonly #topic: sns.Topic;

  constructor(scope: Construct, id: string, watched: Watched, email: string | undefined) {
    super(scope, id);
    // Without a policy of its own: the one that SNS gives it lets the alarms of this account in.
    this.#topic = new sns.Topic(this, 'Topic', { displayName: 'Doorward' });
    if (email !== undefined) this.#topic.addSubscription(new EmailSubscription(email));
    this.#function(watched.function);
    this.#surroundings(watched);
    this.#database(watched);
    this.#measured(watched);
  }

  #function(watched: lambda.Function): void {
    const sum = { period: FIVE_MINUTES, statistic: 'Sum' };
    this.#alarm('Errors', watched.metricErrors(sum), 1, 'Calls fail: time-outs, starts that fail, chores that fail.', 2);
    this.#alarm('Throttles', watched.metricThrottles(sum), 1, 'Callers are turned away: raise concurrency, or the limit of the account.');
    this.#alarm('Duration', watched.metricDuration({ period: FIVE_MINUTES, statistic: 'p95' }), 3000,
      'One call in twenty takes three seconds or longer.', 3);
  }

  #surroundings({ api, chores }: Watched): void {
    const sum = { period: FIVE_MINUTES, statistic: 'Sum' };
    this.#alarm('ServerErrors', api.metricServerError(sum), 5, 'Clients get answers of 5xx.');
    const dimensionsMap = { RuleName: chores.ruleName };
    const invoked = new cloudwatch.Metric({ namespace: 'AWS/Events', metricName: 'Invocations', dimensionsMap, ...sum });
    this.#tell(invoked.createAlarm(this, 'ChoresMissing', {
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      alarmDescription: 'Nobody asks Doorward to do its chores: letters stay where they are.',
    }));
  }

  #database({ cluster, connections }: Watched): void {
    const dimensionsMap = { DBClusterIdentifier: cluster.clusterIdentifier };
    const of = (metricName: string, statistic: string) =>
      new cloudwatch.Metric({ namespace: 'AWS/DocDB', metricName, dimensionsMap, period: FIVE_MINUTES, statistic });
    this.#alarm('DatabaseConnections', of('DatabaseConnections', 'Maximum'), 0.8 * connections,
      `An instance of the database has four fifths of the ${connections} connections that it takes.`);
    this.#alarm('DatabaseProcessor', of('CPUUtilization', 'Average'), 80, 'The database wants a larger instanceClass.', 3);
  }

  /** What Doorward measures itself and writes into its log. */
  #measured({ log }: Watched): void {
    const measured = (metricName: string, member: string, alarmDescription: string) => {
      const filter = new logs.MetricFilter(this, `${metricName}Filter`, {
        logGroup: log,
        filterPattern: logs.FilterPattern.exists(`$.${member}`),
        metricNamespace: NAMESPACE,
        metricName,
        metricValue: `$.${member}`,
        unit: cloudwatch.Unit.MILLISECONDS,
      });
      this.#alarm(metricName, filter.metric({ period: FIVE_MINUTES, statistic: 'Maximum' }), 2000, alarmDescription);
    };
    measured('OpenTime', 'open_ms', 'A cold start took two seconds or longer until Doorward was ready.');
    measured('StoreConnectTime', 'store_connect_ms', 'Connecting to the database took two seconds or longer.');
  }

  /** At or above the threshold for so many periods in a row; silence is fine. */
  #alarm(id: string, metric: cloudwatch.Metric, threshold: number, alarmDescription: string, evaluationPeriods = 1): void {
    this.#tell(metric.createAlarm(this, id, {
      threshold, evaluationPeriods, alarmDescription, treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }));
  }

  #tell(alarm: cloudwatch.Alarm): void {
    const action = new SnsAction(this.#topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
