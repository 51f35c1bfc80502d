use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs computation that takes long, without holding up other tasks where the runtime has threads for them.
pub(crate) fn blocking<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
