//! Who asks.

use crate::error::{Error, Result};
use crate::ids::{CustomerId, SessionId, UserId};

use super::permission::{Permission, PermissionSet};

/// The author of a request, as use cases see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Nobody signed in: a shopper.
    Anonymous,
    /// Somebody signed in.
    User(SignedIn),
    /// A job or a command of the operator.
    System,
}

/// A valid session and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub user_id: UserId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    /// The buyer behind the person, if any.
    pub customer_id: Option<CustomerId>,
    /// What the person's roles allow now.
    pub permissions: PermissionSet,
}

impl Viewer {
    /// The guard of every staff operation: `UNAUTHENTICATED` for nobody, `FORBIDDEN` without the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        match self {
            Viewer::System => Ok(()),
            Viewer::Anonymous => Err(Error::unauthenticated()),
            Viewer::User(user) if user.permissions.contains(permission) => Ok(()),
            Viewer::User(_) => Err(Error::forbidden(permission)),
        }
    }

    /// Whether [`Viewer::require`] would pass.
    pub fn may(&self, permission: Permission) -> bool {
        self.require(permission).is_ok()
    }

    /// The signed-in person, or `UNAUTHENTICATED`.
    pub fn signed_in(&self) -> Result<&SignedIn> {
        match self {
            Viewer::User(user) => Ok(user),
            _ => Err(Error::unauthenticated()),
        }
    }

    /// The person's id, if somebody is signed in.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Viewer::User(user) => Some(user.user_id),
            _ => None,
        }
    }

    /// The buyer's id, if a customer is signed in.
    pub fn customer_id(&self) -> Option<CustomerId> {
        match self {
            Viewer::User(user) => user.customer_id,
            _ => None,
        }
    }

    /// How events and stock movements name the author.
    pub fn actor(&self) -> String {
        match self {
            Viewer::Anonymous => "shopper".into(),
            Viewer::User(user) => user.user_id.to_string(),
            Viewer::System => "system".into(),
        }
    }
}
