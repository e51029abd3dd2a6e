//! What a payment gateway has to be able to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::money::Money;

use super::test_gateway::TestGateway;

/// One thing that a gateway is asked to do. The same key always means the same thing.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Sent along as the gateway's idempotency key.
    pub key: String,
    /// What to do.
    pub kind: OperationKind,
    /// How much.
    pub amount: Money,
    /// What the storefront got from the gateway's form.
    pub token: String,
    /// What the gateway called the authorization, for what follows it.
    pub reference: Option<String>,
    /// Whether the buyer has confirmed with the gateway.
    pub confirmed: bool,
}

/// What a gateway is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Hold the money.
    Authorize,
    /// Take what is held.
    Capture,
    /// Let go what is held.
    Void,
    /// Give back what was taken.
    Refund,
}

impl OperationKind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationKind::Authorize => "AUTHORIZE",
            OperationKind::Capture => "CAPTURE",
            OperationKind::Void => "VOID",
            OperationKind::Refund => "REFUND",
        }
    }
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; what the gateway calls it.
    Succeeded {
        /// The gateway's name for it.
        reference: String,
    },
    /// The gateway said no, for good.
    Declined {
        /// Why, in words for staff.
        reason: String,
    },
    /// The buyer has to confirm first.
    RequiresAction {
        /// The gateway's name for it.
        reference: String,
    },
}

/// The gateway did not answer, or not so that we know what happened.
#[derive(Debug, thiserror::Error)]
#[error("the gateway's answer is unknown: {0}")]
pub struct GatewayError(pub String);

/// A payment gateway. Implementations make remote calls and never touch the database.
pub trait Gateway: Send + Sync {
    /// Does it, or, with a key that it has seen, tells what came of it.
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Result<Outcome, GatewayError>>;

    /// What came of an operation whose answer was lost; `None` when the gateway never saw the key.
    fn look_up<'a>(
        &'a self,
        operation: &'a Operation,
    ) -> BoxFuture<'a, Result<Option<Outcome>, GatewayError>>;
}

/// The gateways of this process, by name.
#[derive(Clone)]
pub struct Gateways(BTreeMap<String, Arc<dyn Gateway>>);

impl Gateways {
    /// By configuration. The gateway `test` moves no money.
    pub fn from_config(_config: &crate::config::Config) -> Self {
        let test: Arc<dyn Gateway> = Arc::new(TestGateway);
        Self(BTreeMap::from([("test".to_owned(), test)]))
    }

    /// The gateway of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Gateway> {
        self.0.get(name).map(|gateway| &**gateway)
    }

    /// Adds or replaces one.
    pub fn insert(&mut self, name: &str, gateway: Arc<dyn Gateway>) {
        self.0.insert(name.to_owned(), gateway);
    }
}
