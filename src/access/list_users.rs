//! Lists users for the operator.

use crate::app::App;
use crate::error::Result;
use crate::ids::UserId;

use super::{User, queries};

/// A user and the names of its roles, sorted.
pub struct ListedUser {
    /// The user.
    pub user: User,
    /// Empty for a plain customer.
    pub roles: Vec<String>,
}

/// At most `limit` users after the one with the id `after`, by id, which is by age. `staff_only` leaves out those
/// without a role. For the operator: checks no permission.
pub async fn list_users(
    app: &App,
    after: Option<UserId>,
    limit: i64,
    staff_only: bool,
) -> Result<Vec<ListedUser>> {
    let rows = queries::list_users(&mut *app.db.get().await?, after, limit, staff_only).await?;
    Ok(rows.into_iter().map(|(user, roles)| ListedUser { user, roles }).collect())
}
