//! AWS Secrets Manager, asked by Amazon's SDK. A build without the feature `aws` has none, and says so.

pub(super) use built::Manager;

#[cfg(feature = "aws")]
mod built {
    use std::error::Error;
    use std::time::Duration;

    use aws_config::timeout::TimeoutConfig;
    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_secretsmanager::Client;
    use aws_sdk_secretsmanager::config::http::HttpResponse;
    use aws_sdk_secretsmanager::config::retry::RetryConfig;
    use aws_sdk_secretsmanager::config::{Builder, IdentityCache};
    use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
    use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
    use jiff::Timestamp;

    use super::super::version::Version;
    use super::super::{Stage, Unreadable};
    use crate::aws;
    use crate::config::SecretsAccess;

    /// For everything: looking for credentials, connecting, three tries.
    const WHOLE: Duration = Duration::from_secs(5);
    const ATTEMPT: Duration = Duration::from_secs(2);
    /// For a connection, and for credentials: less than for a try, so that it shows which of them did not come.
    const CONNECT: Duration = Duration::from_millis(1_500);

    /// The service.
    pub(crate) struct Manager {
        client: Client,
        /// What the service is called in messages: where it is.
        place: String,
    }

    impl Manager {
        /// Reads what the SDK reads (variables, profiles); nobody is asked yet but, where nobody says the region, for that.
        pub(crate) async fn open(access: &SecretsAccess) -> Self {
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
            if let Some(region) = &access.region {
                loader = loader.region(Region::new(region.clone()));
            }
            if let Some(credentials) = aws::credentials(&access.aws) {
                loader = loader.credentials_provider(credentials);
            }
            if let Some(endpoint) = access.endpoint_url.as_ref().or(access.aws.endpoint_url.as_ref()) {
                loader = loader.endpoint_url(endpoint);
            }
            // Boxed: what it reads makes a future of many kilobytes.
            let sdk = Box::pin(loader.load()).await;
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(WHOLE)
                .build();
            let config = Builder::from(&sdk)
                .timeout_config(timeouts)
                .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(200)))
                .identity_cache(IdentityCache::lazy().load_timeout(CONNECT).build());
            let place = match (sdk.endpoint_url(), sdk.region()) {
                (Some(endpoint), _) => format!("AWS Secrets Manager at {endpoint}"),
                (None, Some(region)) => format!("AWS Secrets Manager in {region}"),
                (None, None) => "AWS Secrets Manager".to_owned(),
            };
            Self { client: Client::from_conf(config.build()), place }
        }

        /// The version of a secret at that stage, if it has one there.
        pub(crate) async fn fetch(&self, id: &str, stage: Stage) -> Result<Option<Version>, Unreadable> {
            let asked = self.client.get_secret_value().secret_id(id).version_stage(stage.as_str());
            // An ARN says itself where it is.
            let region = id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
            let region = region.map(|region| Region::new(region.to_owned()));
            if region.is_none() && self.client.config().region().is_none() {
                let hint = "set AWS_REGION, or write the secret's whole ARN for its name";
                return Err(Unreadable::new("cannot be read: nobody says in which region it is", hint));
            }
            let sent = async {
                match region {
                    Some(region) => asked.customize().config_override(Builder::new().region(region)).send().await,
                    None => asked.send().await,
                }
            };
            match tokio::time::timeout(WHOLE, Box::pin(sent)).await {
                Ok(Ok(output)) => version(&output).map(Some),
                Ok(Err(error)) if stage != Stage::Current && is_absent(&error) => Ok(None),
                Ok(Err(error)) => Err(self.judge(&error)),
                Err(_) => Err(self.late()),
            }
        }

        fn judge(&self, error: &SdkError<GetSecretValueError, HttpResponse>) -> Unreadable {
            let place = &self.place;
            match error {
                SdkError::TimeoutError(_) => self.late(),
                SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                    Some(error) if error.is_timeout() => self.late(),
                    // Before anything is sent it is signed.
                    Some(error) if error.is_other() && error.as_other().is_none() => self.without_credentials(),
                    Some(error) => Unreadable::new(
                        format!("cannot be read: {place} cannot be reached: {}", innermost(error)),
                        "see that there is a way there: an endpoint of the VPC, or a NAT",
                    ),
                    None => self.without_credentials(),
                },
                SdkError::ServiceError(answer) => self.refused(answer.err()),
                _ => Unreadable::new(
                    format!("cannot be read: {place} answers what makes no sense"),
                    "see that it is Amazon's",
                ),
            }
        }

        fn refused(&self, error: &GetSecretValueError) -> Unreadable {
            let place = &self.place;
            let code = error.code().unwrap_or("no code");
            let told = |what: String, hint: &str| Unreadable::new(format!("{what} ({code})"), hint);
            match code {
                "ResourceNotFoundException" => told(
                    format!("is not in {place}, or not with the label AWSCURRENT"),
                    "make it, or write its name, account and region right",
                ),
                "InvalidRequestException" => told(
                    format!("cannot be had from {place}: it is marked for deletion"),
                    "restore it, or name another",
                ),
                "DecryptionFailure" => told(
                    format!("cannot be decrypted by {place}"),
                    "allow kms:Decrypt with its key to the role this runs as",
                ),
                "AccessDeniedException" | "AccessDenied" => told(
                    format!("may not be read from {place}"),
                    "allow secretsmanager:GetSecretValue on it (and kms:Decrypt with its key) to the role this runs as",
                ),
                "UnrecognizedClientException"
                | "InvalidSignatureException"
                | "IncompleteSignature"
                | "InvalidClientTokenId"
                | "ExpiredTokenException" => told(
                    format!("cannot be read: {place} does not accept the AWS credentials"),
                    "see that they are right and not over, and that the clock is right",
                ),
                _ => told(format!("cannot be had from {place}"), "try again, and look the code up if it stays"),
            }
        }

        fn without_credentials(&self) -> Unreadable {
            Unreadable::new(
                format!(
                    "cannot be read: there are no AWS credentials to ask {} with, or they cannot be had",
                    self.place
                ),
                "give the process a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        }

        fn late(&self) -> Unreadable {
            let what = format!("cannot be read: {} did not answer within {} s", self.place, WHOLE.as_secs());
            Unreadable::new(what, "see that there is a way there: an endpoint of the VPC, or a NAT")
        }
    }

    fn is_absent(error: &SdkError<GetSecretValueError, HttpResponse>) -> bool {
        error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
    }

    fn version(output: &GetSecretValueOutput) -> Result<Version, Unreadable> {
        let bytes = || std::str::from_utf8(output.secret_binary()?.as_ref()).ok();
        let Some(text) = output.secret_string().or_else(bytes) else {
            return Err(Unreadable::new("holds bytes that are no text", "keep the secret as text"));
        };
        let created = output.created_date().and_then(|date| Timestamp::from_second(date.secs()).ok());
        Ok(Version { text: text.into(), created })
    }

    /// "connection refused" says more than "dispatch failure".
    fn innermost(error: &(dyn Error + 'static)) -> String {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        innermost.to_string()
    }
}

#[cfg(not(feature = "aws"))]
mod built {
    use super::super::version::Version;
    use super::super::{Stage, Unreadable};
    use crate::config::SecretsAccess;

    /// Nothing.
    pub(crate) struct Manager;

    #[expect(clippy::unused_async, reason = "as in a build that has it")]
    impl Manager {
        /// Nothing.
        pub(crate) async fn open(_: &SecretsAccess) -> Self {
            Self
        }

        /// There is none.
        pub(crate) async fn fetch(&self, _: &str, _: Stage) -> Result<Option<Version>, Unreadable> {
            let hint = "build Doorward with --features aws, or let the platform put the secret into a file or a variable \
                        and write file:///path or env:NAME";
            Err(Unreadable::new("is kept in AWS Secrets Manager, which is not in this build", hint))
        }
    }
}
