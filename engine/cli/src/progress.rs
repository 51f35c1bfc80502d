//! A progress bar on standard error, only on a terminal and not under `--quiet`.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over a known length, or a counter.
pub(crate) fn bar(length: Option<u64>, quiet: bool, unit: &str) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = match length {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let template = match (length, unit) {
        (Some(_), "bytes") => "{msg} [{bar:30}] {bytes}/{total_bytes} {eta}",
        (Some(_), _) => "{msg} [{bar:30}] {pos}/{len} {eta}",
        (None, _) => "{msg} {spinner} {pos}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
