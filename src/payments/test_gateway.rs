//! The gateway `test`: moves no money and answers by the token. For development and for trying a storefront.
//!
//! `ok` pays, `declined` fails, `slow` takes five seconds, `requires_action` waits for `orderPaymentConfirm`. What it
//! answers depends on the operation alone, so a repeat is answered the same, as with a real gateway's idempotency keys.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::gateway::{Gateway, GatewayError, Operation, OperationKind, Outcome};

const SLOW: Duration = Duration::from_secs(5);

pub(super) struct TestGateway;

impl Gateway for TestGateway {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Result<Outcome, GatewayError>> {
        async move {
            if operation.token == "slow" && operation.kind == OperationKind::Authorize {
                tokio::time::sleep(SLOW).await;
            }
            Ok(outcome(operation))
        }
        .boxed()
    }

    fn look_up<'a>(
        &'a self,
        operation: &'a Operation,
    ) -> BoxFuture<'a, Result<Option<Outcome>, GatewayError>> {
        async move { Ok(Some(outcome(operation))) }.boxed()
    }
}

fn outcome(operation: &Operation) -> Outcome {
    let reference = format!("test_{}", operation.key);
    let declined = |reason: &str| Outcome::Declined { reason: reason.to_owned() };
    match (operation.kind, operation.token.as_str()) {
        (OperationKind::Authorize, "ok" | "slow") => Outcome::Succeeded { reference },
        (OperationKind::Authorize, "requires_action") if operation.confirmed => {
            Outcome::Succeeded { reference }
        }
        (OperationKind::Authorize, "requires_action") => Outcome::RequiresAction { reference },
        (OperationKind::Authorize, "declined") => declined("the card was declined"),
        (OperationKind::Authorize, _) => declined("the test gateway does not know this token"),
        _ => Outcome::Succeeded { reference },
    }
}
