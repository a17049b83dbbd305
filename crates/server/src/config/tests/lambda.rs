//! What AWS Lambda changes: other defaults, and no file as a store where accounts matter.

use super::*;
use crate::config::{LambdaHost, LogFormat};

const RUNTIME: (&str, &str) = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
const MEMORY: (&str, &str) = ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512");

#[test]
fn a_function_has_one_connection_one_hashing_thread_and_a_log_for_machines() {
    let config = from_env(&[RUNTIME, MEMORY]);
    assert_eq!((config.store.max_connections, config.password.threads), (1, 1));
    assert_eq!((config.log.format, config.lambda.streaming), (LogFormat::Json, false));
    let host = LambdaHost { runtime_api: Some("127.0.0.1:9001".to_owned()), memory: Some(512) };
    assert_eq!(config.lambda.host, Some(host));
    assert_eq!(from_env(&[RUNTIME, ("DOORWARD__STORE__MAX_CONNECTIONS", "3")]).store.max_connections, 3);
    assert_eq!(from_env(&[]).lambda.host, None);
}

#[test]
fn a_function_keeps_no_file_outside_development() {
    let file = "environment = \"staging\"\n[tokens]\nencryption_key = \"k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1\"";
    let mistakes = refused(&sources(file, &[MEMORY], ""));
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("store.url: names a file, and AWS Lambda"), "{mistakes:?}");
    assert_eq!(refused(&sources("", &[MEMORY], "")), [""; 0]);
}
