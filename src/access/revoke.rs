//! Signs out.

use crate::app::App;
use crate::error::Result;

use super::{Viewer, queries};

/// Ends the session of the viewer: its tokens are worth nothing from now on. `UNAUTHENTICATED` for nobody.
pub async fn revoke(app: &App, viewer: &Viewer) -> Result<()> {
    let session_id = viewer.signed_in()?.session_id;
    queries::revoke_session(&mut *app.db.get().await?, session_id, "signed out", app.clock.now()).await?;
    Ok(())
}
