//! AWS Lambda: how requests come in through it, and what it says of the machine it gives.

use super::super::mistake::Mistake;
use super::super::values::Values;

/// AWS Lambda.
#[cfg_attr(not(feature = "lambda"), expect(dead_code, reason = "a build without Lambda serves no events"))]
#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    /// What a domain of one's own puts before every path.
    pub(crate) base_path: Option<String>,
    /// Whether triggers that can stream do.
    pub(crate) streaming: bool,
    /// What it says of itself, where it is there.
    pub(crate) host: Option<LambdaHost>,
}

/// What the environment of a function says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LambdaHost {
    /// Where events are to be had: it is the process's own task to serve them.
    pub(crate) runtime_api: Option<String>,
    /// Its memory in MB, which its share of a core goes by.
    pub(crate) memory: Option<u64>,
}

impl LambdaHost {
    /// The one that these variables tell of.
    pub(crate) fn of(env: &[(String, String)]) -> Option<Self> {
        let value = |name| env.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value);
        let runtime_api = value("AWS_LAMBDA_RUNTIME_API").cloned();
        let memory = value("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|memory| memory.parse().ok());
        let host = Self { runtime_api, memory };
        (host != Self::default()).then_some(host)
    }
}

impl Lambda {
    pub(super) fn read(values: &Values, host: Option<LambdaHost>) -> Result<Self, Mistake> {
        Ok(Self { base_path: values.maybe("lambda.base_path")?, streaming: values.one("lambda.streaming")?, host })
    }
}
