//! Replaces the files of a volume atomically, as the kubelet's `AtomicWriter` does: `NAME -> ..data/NAME`,
//! `..data -> ..TIME`, and an update swaps `..data`.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::error::{Context, Result};

/// Replaces the content of `dir` with these files (relative path to content), in one step for any reader.
pub(super) fn write(dir: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    std::fs::create_dir_all(dir).context(format_args!("create {}", dir.display()))?;
    let new_dir =
        tempfile::Builder::new().prefix("..").tempdir_in(dir).context("create a data folder")?.keep();
    for (name, content) in files {
        let file = new_dir.join(name);
        let parent = file.parent().unwrap_or(&new_dir);
        std::fs::create_dir_all(parent).context(format_args!("create {}", parent.display()))?;
        std::fs::write(&file, content).context(format_args!("write {}", file.display()))?;
    }
    let data = dir.join("..data");
    let old_dir = std::fs::read_link(&data).ok();
    let temporary_link = dir.join("..data_tmp");
    let new_name = new_dir.file_name().context("the data folder has no name")?;
    symlink(new_name, &temporary_link).context("link the data folder")?;
    std::fs::rename(&temporary_link, &data).context("swap the data folder")?;
    for name in files.keys() {
        let entry = name.split('/').next().unwrap_or(name);
        if dir.join(entry).symlink_metadata().is_err() {
            symlink(Path::new("..data").join(entry), dir.join(entry))
                .context(format_args!("link {entry}"))?;
        }
    }
    old_dir.map_or(Ok(()), |old| std::fs::remove_dir_all(dir.join(old)).context("remove the old data folder"))
}
