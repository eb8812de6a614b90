//! Reads files that another program may have put there.
//!
//! Opening a FIFO blocks until another program opens it too, and the sidecar has one thread: it would not even end. A
//! folder or a huge file in a file's place is an error.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The treatment of a symbolic link in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symlink {
    /// Follow it: the kubelet's projected files are symbolic links.
    Follow,
    /// Reject it: the sidecar writes none.
    Reject,
}

/// Reads a regular file of at most `max_bytes`.
///
/// # Errors
/// Returns an error if the file cannot be opened or read, is not a regular file, or is larger.
pub(crate) fn read(path: &Path, symlink: Symlink, max_bytes: u64) -> io::Result<Vec<u8>> {
    let no_follow = if symlink == Symlink::Reject { OFlags::NOFOLLOW } else { OFlags::empty() };
    let file = open(OpenOptions::new().read(true), path, no_follow)?;
    let mut content = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut content)?;
    if content.len() as u64 > max_bytes {
        return Err(io::Error::other(format!("expected at most {max_bytes} bytes")));
    }
    Ok(content)
}

/// Opens a regular file without waiting for another program.
///
/// # Errors
/// Returns an error if the file cannot be opened or is not a regular file.
pub(crate) fn open(options: &mut OpenOptions, path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = (flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = options.custom_flags(i32::try_from(flags).map_err(io::Error::other)?).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let found = match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a FIFO",
        _ => "a device",
    };
    Err(io::Error::other(format!("expected a regular file, found {found}")))
}

/// Creates a FIFO.
#[cfg(test)]
pub(crate) fn mkfifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    fn error(path: &Path) -> String {
        read(path, Symlink::Follow, 4).unwrap_err().to_string()
    }

    #[test]
    fn read_rejects_anything_but_a_small_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        mkfifo(&path);
        assert_eq!(error(&path), "expected a regular file, found a FIFO");
        assert_eq!(error(folder.path()), "expected a regular file, found a folder");
        assert_eq!(error(Path::new("/dev/zero")), "expected a regular file, found a device");
        fs::remove_file(&path).unwrap();
        assert!(error(&path).starts_with("No such file"));
        fs::write(&path, "12345").unwrap();
        assert_eq!(error(&path), "expected at most 4 bytes");
        fs::write(&path, "1234").unwrap();
        assert_eq!(read(&path, Symlink::Follow, 4).unwrap(), b"1234");
    }

    #[rstest]
    #[case(Symlink::Follow, true)]
    #[case(Symlink::Reject, false)]
    fn symbolic_link_is_followed_only_where_one_is_expected(#[case] links: Symlink, #[case] followed: bool) {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "1").unwrap();
        symlink(&target, &link).unwrap();
        assert_eq!(read(&link, links, 4).is_ok(), followed);
        fs::remove_file(&target).unwrap();
        mkfifo(&target);
        assert!(read(&link, links, 4).is_err());
    }

    #[test]
    fn open_for_writing_does_not_wait_for_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        mkfifo(&path);
        assert!(open(OpenOptions::new().write(true), &path, OFlags::empty()).is_err());
    }
}
