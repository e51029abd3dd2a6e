//! What every resolver finds in its context.

use async_graphql::Context;

use crate::access::Viewer;
use crate::app::App;
use crate::channels::Channel;
use crate::locale::Locale;

use super::Loaders;

/// Short names for the data of a request.
pub trait ContextExt {
    /// The process.
    fn app(&self) -> &App;
    /// Who asks.
    fn viewer(&self) -> &Viewer;
    /// The channel that the request is about.
    fn channel(&self) -> &Channel;
    /// The language that the request gets texts in.
    fn locale(&self) -> &Locale;
    /// The loaders of this request.
    fn loaders(&self) -> &Loaders;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked()
    }
    fn viewer(&self) -> &Viewer {
        self.data_unchecked()
    }
    fn channel(&self) -> &Channel {
        self.data_unchecked()
    }
    fn locale(&self) -> &Locale {
        self.data_unchecked()
    }
    fn loaders(&self) -> &Loaders {
        self.data_unchecked()
    }
}
