//! Classes of the database's instances, and how many connections each takes.

import { type Form, matching } from './reader.ts';

/** Those that DocumentDB 5.0 has. */
export const instanceClass: Form<string> =
  matching(/^(t3|t4g)\.medium$|^(r5|r6g|r8g)\.(\d*x)?large$/, 'a class (t4g.medium, r6g.large)');

/** https://docs.aws.amazon.com/documentdb/latest/developerguide/limits.html: idle and active ones, by the memory of a size. */
const CONNECTIONS: Readonly<Record<string, number>> = {
  medium: 1000, large: 3400, xlarge: 7000, '2xlarge': 14_200, '4xlarge': 28_400,
};
/** What larger ones take. */
const MOST_CONNECTIONS = 60_000;

/** How many connections an instance takes. */
export function connectionsOf(name: string): number {
  return CONNECTIONS[name.replace(/^.*\./, '')] ?? MOST_CONNECTIONS;
}
