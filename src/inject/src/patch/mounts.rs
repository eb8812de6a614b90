//! The mounts that an app container needs, and those of the user that prevent them.

use rolebridge_core::annotations::{SKIP_CONTAINERS, SOURCE};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{CONFIG_VOLUME, IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount};
use rolebridge_core::token_source::TokenSource;

use super::volumes::Mount;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::mount_path::{canonical, clean, is_inside};
use crate::reason::Reason;
use crate::settings::{Names, Settings};
use crate::view::{self, Container, Pod};

/// The volumes to which no app container can write.
pub(super) struct ReadOnlyVolumes<'a>(Names<'a>);

impl<'a> ReadOnlyVolumes<'a> {
    pub(super) fn of(pod: &'a Pod<'_>) -> Self {
        let volumes = pod.spec.volumes.as_deref().unwrap_or_default().iter();
        let read_only = volumes.filter(|volume| volume.is_read_only()).map(|volume| &*volume.name);
        // The patch makes every mount of these read-only.
        Self(read_only.chain([TOKEN_VOLUME.name, CONFIG_VOLUME.name]).collect())
    }

    fn contains(&self, mount: &view::Mount<'_>) -> bool {
        mount.read_only.unwrap_or_default() || self.0.contains(&mount.name)
    }
}

/// The mounts that a container needs and does not have.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) missing: Vec<Mount>,
    /// Partial mounts of Rolebridge's volumes, and writable or unusual spellings of their paths, by their index.
    pub(super) replaced: Vec<(usize, Mount)>,
}

impl Mounts {
    /// Returns the mounts that a container needs and does not have.
    ///
    /// # Errors
    ///
    /// Returns an error if the container mounts another volume at one of the paths, or a read-only one above it.
    pub(super) fn of(
        container: &Container<'_>,
        settings: &Settings<'_>,
        source: TokenSource,
        read_only: &ReadOnlyVolumes<'_>,
    ) -> Result<Self, Denial> {
        let by_kubelet = settings.identity.value == Identity::Kubernetes;
        let by_file = source == TokenSource::File;
        let needed = [
            ConfigKind::for_source(source).map(|_| CONFIG_VOLUME),
            (settings.outputs.is_some() || by_file && !by_kubelet).then_some(TOKEN_VOLUME),
            (by_file && by_kubelet).then_some(IDENTITY_VOLUME),
        ];
        let mut mounts = Self::default();
        for volume in needed.into_iter().flatten() {
            mounts.add(container, volume, read_only)?;
        }
        Ok(mounts)
    }

    /// Adds the mount of a volume, or replaces one at its path. Any other mount at the path or inside it is a clash, because
    /// it would hide a file of the volume. A read-only mount above the path is one too, because the container could not
    /// start: the runtime has to create the path there. A writable mount between them makes that possible.
    fn add(
        &mut self,
        container: &Container<'_>,
        volume: VolumeMount,
        read_only: &ReadOnlyVolumes<'_>,
    ) -> Result<(), Denial> {
        let needed = Mount::read_only(volume);
        let mut is_mounted = false;
        // Of several mounts above the path, the innermost one holds it.
        let mut above: Option<(usize, &view::Mount<'_>)> = None;
        for (index, mount) in container.mounts().iter().enumerate() {
            let path = canonical(&mount.path);
            if !is_inside(&path, volume.path) {
                let is_innermost = above.is_none_or(|(length, _)| path.len() > length);
                // With a volume at /var, the link from /var/run to /run is hidden.
                let holds = read_only.contains(mount) || clean(&mount.path) == path;
                if is_inside(volume.path, &path) && is_innermost && holds {
                    above = Some((path.len(), mount));
                }
                continue;
            }
            let is_first = !std::mem::replace(&mut is_mounted, true);
            if !(is_first && *mount.name == *volume.name && needed.is_at(&path)) {
                return Err(mount_clash(container, volume, mount));
            }
            if !needed.is_equal(mount) {
                self.replaced.push((index, Mount::read_only(volume)));
            }
        }
        if let Some((_, mount)) = above.filter(|(_, mount)| read_only.contains(mount)) {
            return Err(clash_above(container, volume, mount));
        }
        if !is_mounted {
            self.missing.push(needed);
        }
        Ok(())
    }
}

fn mount_clash(container: &Container<'_>, volume: VolumeMount, mount: &view::Mount<'_>) -> Denial {
    Denial::for_pod(
        Reason::Clash,
        format!(
            "Container {} on the pod: expected only Rolebridge's volume at {}, found the volume {} at {}. Fix: mount it \
             elsewhere, or exclude the container with {SKIP_CONTAINERS}.",
            DisplayName(&container.name),
            volume.path,
            DisplayName(&mount.name),
            DisplayName(&mount.path)
        ),
    )
}

fn clash_above(container: &Container<'_>, volume: VolumeMount, mount: &view::Mount<'_>) -> Denial {
    let name = DisplayName(&container.name);
    Denial::for_pod(
        Reason::Clash,
        format!(
            "Container {name} on the pod: expected a folder in which {} can be created, found the read-only volume {} at \
             {}. Fix: mount it elsewhere, set {SOURCE} to \"metadata\" for the container, or exclude it with \
             {SKIP_CONTAINERS}.",
            volume.path,
            DisplayName(&mount.name),
            DisplayName(&mount.path)
        ),
    )
}
