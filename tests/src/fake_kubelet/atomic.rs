//! Files that change all at once, as the kubelet writes them: `NAME -> ..data/NAME`, `..data -> ..TIME`, and a change
//! swaps `..data`.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::error::{Context, Result};

/// Makes `dir` hold exactly these files (relative path to content), in one step for any reader.
pub(super) fn write(dir: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    std::fs::create_dir_all(dir).context(format_args!("make {}", dir.display()))?;
    let fresh = tempfile::Builder::new().prefix("..").tempdir_in(dir).context("make a data folder")?.keep();
    for (name, content) in files {
        let file = fresh.join(name);
        let parent = file.parent().unwrap_or(&fresh);
        std::fs::create_dir_all(parent).context(format_args!("make {}", parent.display()))?;
        std::fs::write(&file, content).context(format_args!("write {}", file.display()))?;
    }
    let data = dir.join("..data");
    let old = std::fs::read_link(&data).ok();
    let swap = dir.join("..data_tmp");
    let fresh_name = fresh.file_name().context("the data folder has no name")?;
    symlink(fresh_name, &swap).context("link the data folder")?;
    std::fs::rename(&swap, &data).context("swap the data folder")?;
    for name in files.keys() {
        let top = name.split('/').next().unwrap_or(name);
        if dir.join(top).symlink_metadata().is_err() {
            symlink(Path::new("..data").join(top), dir.join(top)).context(format_args!("link {top}"))?;
        }
    }
    old.map_or(Ok(()), |old| std::fs::remove_dir_all(dir.join(old)).context("remove the old data folder"))
}
