use tokio::runtime::{Handle, RuntimeFlavor};

/// Events or records up to which handing work to other threads costs more than it spares.
pub(crate) const FEW: usize = 64;

/// Runs computation that takes long, without holding up other tasks where the runtime has threads for them.
pub(crate) fn blocking<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The same for work on so many things.
pub(crate) fn blocking_for<R>(count: usize, work: impl FnOnce() -> R) -> R {
    if count <= FEW { work() } else { blocking(work) }
}
