//! How Doorward is configured in the function. Secrets are references that it resolves itself: no value of one is in here.

import type { DatabaseStack } from './database-stack.ts';
import { CA_FILE } from './asset.ts';
import type { Settings } from './settings.ts';

/** The variables of the function. */
export function environmentOf(
  region: string, publicUrl: string, database: DatabaseStack, settings: Settings,
): Record<string, string> {
  const { userPoolId, userPoolClientId, userPoolClientSecretArn } = settings;
  const secret = (name: string, key: string) => `aws-sm://${name}#${key}`;
  const credentials = database.credentials.secretArn;
  return {
    ENVIRONMENT: settings.environment,
    LOG_LEVEL: settings.logLevel,
    DOORWARD__SERVER__PUBLIC_URL: publicUrl,
    DOORWARD__SERVER__FRONTEND_URL: settings.frontendUrl,
    ...(settings.corsOrigins.length > 0 && { DOORWARD__SERVER__CORS_ORIGINS: settings.corsOrigins.join(',') }),

    MONGODB_URI: `mongodb://${database.cluster.clusterEndpoint.socketAddress}/?${new URLSearchParams({
      tls: 'true', replicaSet: 'rs0', readPreference: 'primary', retryWrites: 'false',
    })}`,
    DOORWARD__STORE__USERNAME: secret(credentials, 'username'),
    DOORWARD__STORE__PASSWORD: secret(credentials, 'password'),
    DOORWARD__STORE__TLS_CA_FILE: `/var/task/${CA_FILE}`,

    DOORWARD__TOKENS__ENCRYPTION_KEY: secret(database.encryptionKey.secretArn, 'encryption_key'),
    ...(database.tokenSecret && { JWT_SECRET_KEY: secret(database.tokenSecret.secretArn, 'secret') }),

    // The HTTP API takes answers as a whole in any case.
    ...(settings.functionUrl && { DOORWARD__LAMBDA__STREAMING: 'true' }),
    DOORWARD__MAIL__URL: `ses://${region}`,
    DOORWARD__MAIL__FROM: settings.mailFrom,
    ...(userPoolId && userPoolClientId && { COGNITO_USER_POOL_ID: userPoolId, COGNITO_CLIENT_ID: userPoolClientId }),
    ...(userPoolClientSecretArn && { COGNITO_CLIENT_SECRET: secret(userPoolClientSecretArn, 'client_secret') }),
  };
}
