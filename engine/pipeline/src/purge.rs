use crate::pipeline::settings;
use crate::{Error, Pipeline};

impl Pipeline {
    /// Whether something was erased or redacted of which bytes may still be in the store. Not before the rebuild that
    /// a redaction needs: until then there is nothing to [`Pipeline::purge`].
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn unpurged(&self) -> Result<bool, Error> {
        let mut reader = self.store.read().await?;
        let rebuilt = reader.setting(settings::RESOLVED_WITH).await?.as_deref()
            != Some(defacto_planner::REDACTED);
        let marked = reader.setting(settings::UNPURGED).await?.as_deref() == Some("1");
        Ok(rebuilt && marked)
    }

    /// Lets the store forget the bytes of what was erased or redacted, and notes that it did.
    ///
    /// # Errors
    ///
    /// What the store says; then it is to be done again.
    pub async fn purge(&self) -> Result<(), Error> {
        self.store.purge().await?;
        let mut tx = self.store.begin().await?;
        tx.set_setting(settings::UNPURGED, "").await?;
        tx.commit().await?;
        Ok(())
    }
}
