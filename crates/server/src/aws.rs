//! Amazon's services as the configuration says: one configuration of the SDK for all of them, made without asking anybody.
//! A build without the feature `aws` has none of it; the checks of the configuration refuse what would need it.

pub(crate) use built::Aws;
#[cfg(feature = "aws")]
pub(crate) use built::credentials;

/// Whether this build has it.
pub(crate) const BUILT_IN: bool = cfg!(feature = "aws");

#[cfg(feature = "aws")]
mod built {
    use std::sync::Arc;

    use anyhow::Context as _;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::Credentials;
    use doorward_federation::{CognitoPool, CognitoSettings};
    use doorward_identity::observer::Observer;
    use doorward_identity::user_pool::OutsidePool;
    use doorward_mail::Carrier;
    use secrecy::ExposeSecret as _;

    use crate::config::{self, Config, MailKind};

    /// The SDK's configuration, if any of the services is asked.
    pub(crate) struct Aws(Option<SdkConfig>);

    impl Aws {
        /// Reads what the SDK reads (variables, profiles); credentials are looked for when a call first needs them.
        pub(crate) async fn load(config: &Config) -> Self {
            let ses_region = match &config.mail.kind {
                MailKind::Ses { region } => Some(region.as_deref()),
                MailKind::Log | MailKind::Smtp => None,
            };
            if config.user_pool.asked_by().is_none() && ses_region.is_none() {
                return Self(None);
            }
            let region = config.user_pool.region().or(ses_region.flatten());
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
            // With a region told, nobody is asked for one.
            loader = loader.region(region.map(|region| Region::new(region.to_owned())));
            if let Some(credentials) = credentials(&config.aws) {
                loader = loader.credentials_provider(credentials);
            }
            if let Some(endpoint) = &config.aws.endpoint_url {
                loader = loader.endpoint_url(endpoint);
            }
            // Boxed: what it reads makes a future of many kilobytes.
            Self(Some(Box::pin(loader.load()).await))
        }

        /// The user pool.
        pub(crate) fn user_pool(
            &self,
            config: &Config,
            observer: Arc<dyn Observer>,
        ) -> anyhow::Result<Arc<dyn OutsidePool>> {
            Ok(Arc::new(self.cognito(config, observer)?))
        }

        /// The same, for whoever looks at it more closely.
        pub(crate) fn cognito(&self, config: &Config, observer: Arc<dyn Observer>) -> anyhow::Result<CognitoPool> {
            let pool = &config.user_pool;
            let sdk = self.0.as_ref().context("no user pool is configured")?;
            let settings = CognitoSettings {
                pool_id: pool.pool_id.clone().context("user_pool.pool_id is missing")?,
                client_id: pool.client_id.clone().context("user_pool.client_id is missing")?,
                client_secret: pool
                    .client_secret
                    .as_ref()
                    .map(|now| config.secrets.source("user_pool.client_secret", now)),
                region: pool.region().context("user_pool.region is missing")?.to_owned(),
                endpoint_url: pool.endpoint_url.clone(),
            };
            Ok(CognitoPool::new(sdk, settings, observer))
        }

        /// Amazon's service for mail.
        pub(crate) fn ses(&self, mail: &config::Mail) -> anyhow::Result<Carrier> {
            let MailKind::Ses { region } = &mail.kind else { anyhow::bail!("mail.url does not name SES") };
            let mut sdk = self.0.clone().context("SES is not configured")?.into_builder();
            sdk.set_region(region.clone().map(Region::new)).set_endpoint_url(mail.ses_endpoint_url.clone());
            Ok(Carrier::Ses(sdk.build()))
        }
    }

    /// A key that the settings name. The process's own variables would be found by the SDK; those in `.env` would not.
    pub(crate) fn credentials(aws: &config::Aws) -> Option<Credentials> {
        let (id, secret) = (aws.access_key_id.as_ref()?, aws.secret_access_key.as_ref()?);
        let token = aws.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        Some(Credentials::new(id.expose_secret(), secret.expose_secret(), token, None, "doorward's settings"))
    }

    #[cfg(test)]
    mod tests {
        #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

        use aws_credential_types::provider::ProvideCredentials as _;
        use doorward_identity::observer::Unobserved;

        use super::*;
        use crate::config::{Document, Sources, load};

        const POOL: &str = "COGNITO_USER_POOL_ID=eu-west-1_Ab3\nCOGNITO_CLIENT_ID=c\n";
        const KEY: &str = "AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=hush\n";

        fn config(dotenv: &str) -> Config {
            let dotenv = Some(Document { path: ".env".into(), text: dotenv.to_owned() });
            load(&Sources { dotenv, with_aws: true, ..Sources::default() }).unwrap()
        }

        #[tokio::test]
        async fn what_dotenv_says_of_amazon_reaches_its_sdk() {
            let endpoint = "AWS_ENDPOINT_URL=http://127.0.0.1:4566\n";
            let sdk = Aws::load(&config(&[POOL, KEY, endpoint].concat())).await.0.unwrap();
            let key = sdk.credentials_provider().unwrap().provide_credentials().await.unwrap();
            assert_eq!((key.access_key_id(), key.secret_access_key()), ("AKIA", "hush"));
            assert_eq!(sdk.region().map(AsRef::as_ref), Some("eu-west-1"));
            assert_eq!(sdk.endpoint_url(), Some("http://127.0.0.1:4566"));
        }

        #[tokio::test]
        async fn mail_may_leave_from_another_region_than_the_pools() {
            let ses = "DOORWARD__MAIL__URL=ses://us-east-2\nAWS_ENDPOINT_URL_SESV2=http://127.0.0.1:4567\n";
            let config = config(&[POOL, KEY, ses].concat());
            let Carrier::Ses(sdk) = Aws::load(&config).await.ses(&config.mail).unwrap() else { panic!("not SES") };
            assert_eq!(sdk.region().map(AsRef::as_ref), Some("us-east-2"));
            assert_eq!(sdk.endpoint_url(), Some("http://127.0.0.1:4567"));
        }

        #[tokio::test]
        async fn a_pool_is_the_issuer_that_the_configuration_trusts() {
            let config = config(&[POOL, KEY].concat());
            let pool = Aws::load(&config).await.user_pool(&config, Arc::new(Unobserved)).unwrap();
            assert_eq!(config.issuers[0].issuer, pool.issuer());
        }

        #[tokio::test]
        async fn nothing_is_read_where_nothing_of_amazons_is_asked() {
            assert!(Aws::load(&config(KEY)).await.0.is_none());
        }
    }
}

#[cfg(not(feature = "aws"))]
mod built {
    use std::sync::Arc;

    use anyhow::bail;
    use doorward_identity::observer::Observer;
    use doorward_identity::user_pool::OutsidePool;
    use doorward_mail::Carrier;

    use crate::config::{self, Config};

    const ABSENT: &str = "this build has no AWS: build it with --features aws";

    /// Nothing.
    pub(crate) struct Aws;

    impl Aws {
        /// Nothing.
        #[expect(clippy::unused_async, reason = "as in a build that has it")]
        pub(crate) async fn load(_: &Config) -> Self {
            Self
        }

        /// There is none.
        #[expect(clippy::unused_self, reason = "as in a build that has it")]
        pub(crate) fn user_pool(&self, _: &Config, _: Arc<dyn Observer>) -> anyhow::Result<Arc<dyn OutsidePool>> {
            bail!(ABSENT)
        }

        /// There is none.
        #[expect(clippy::unused_self, reason = "as in a build that has it")]
        pub(crate) fn ses(&self, _: &config::Mail) -> anyhow::Result<Carrier> {
            bail!(ABSENT)
        }
    }
}
