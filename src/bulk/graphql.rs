//! GraphQL of this feature.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, Upload};

use crate::catalog::OnConflict;
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::JobId;
use crate::jobs::graphql::Job;

use super::{CatalogFormat, NewImport};

async fn job(ctx: &Context<'_>, id: JobId) -> Result<Option<Job>> {
    let mut conn = ctx.app().db.get().await?;
    let found = crate::jobs::find(&mut conn, id).await.map_err(crate::Error::from)?;
    Ok(found.map(Job))
}

/// What to import and how.
#[derive(InputObject)]
pub struct CatalogImportInput {
    /// What the file is. It may be compressed with gzip.
    format: CatalogFormat,
    /// What happens to a product whose slug (handle) exists already.
    #[graphql(default_with = "OnConflict::Update")]
    on_conflict: OnConflict,
}

/// The answer to `catalogImport`.
#[derive(SimpleObject)]
pub struct CatalogImportPayload {
    /// The job that imports the file; null if the file was refused. Its result counts what became of the products and
    /// names the rows that could not be used.
    job: Option<Job>,
    /// What stands in the way, such as UNREADABLE_FILE.
    user_errors: Vec<UserError>,
}

/// What to export.
#[derive(InputObject)]
pub struct CatalogExportInput {
    /// What the file shall be.
    format: CatalogFormat,
}

/// The answer to `catalogExport`.
#[derive(SimpleObject)]
pub struct CatalogExportPayload {
    /// The job that writes the file. Its result holds the `url` to download it from, good for 24 hours.
    job: Option<Job>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Import and export of products as files.
#[derive(Default)]
pub struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Imports products from a file into the request's channel. Answers at once with a job; a worker reads the file. Rows
    /// that cannot be used are reported one by one in the job's result, and the rest go in. Needs BULK_IMPORT.
    #[graphql(visible = "crate::graphql::visible::bulk_import")]
    async fn catalog_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file, sent as the GraphQL multipart request specification describes.")]
        file: Upload,
        #[graphql(desc = "What the file is.")] input: CatalogImportInput,
    ) -> Result<CatalogImportPayload> {
        // Read nothing of a stranger's file.
        ctx.viewer().require(crate::access::Permission::BulkImport)?;
        let upload = file.value(ctx).map_err(crate::Error::fault)?;
        let new = NewImport {
            file: tokio::fs::File::from_std(upload.content),
            file_name: upload.filename,
            format: input.format,
            on_conflict: input.on_conflict,
        };
        let enqueued = super::import(ctx.app(), ctx.viewer(), ctx.channel(), new).await;
        let (id, user_errors) = outcome(enqueued)?;
        let job = match id {
            Some(id) => job(ctx, id).await?,
            None => None,
        };
        Ok(CatalogImportPayload { job, user_errors })
    }

    /// Writes all products of the request's channel to a file. Answers at once with a job; its result holds the address of
    /// the file. Needs BULK_EXPORT.
    #[graphql(visible = "crate::graphql::visible::bulk_export")]
    async fn catalog_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to export.")] input: CatalogExportInput,
    ) -> Result<CatalogExportPayload> {
        let enqueued = super::export(ctx.app(), ctx.viewer(), ctx.channel(), input.format).await;
        let (id, user_errors) = outcome(enqueued)?;
        let job = match id {
            Some(id) => job(ctx, id).await?,
            None => None,
        };
        Ok(CatalogExportPayload { job, user_errors })
    }
}
