//! The key of a pod: all of its bytes that decide. Pods of one workload have the same key.
//!
//! The view contains only fields that decide, and the key contains all fields of the view: [`Hash`] is derived for each type
//! of it. What these implementations write is kept instead of hashed. They write the length of a list before its items and a
//! byte after a string that no string contains, so that different views write different bytes.
//!
//! One name does not decide: Kubernetes generates the name of the volume with the service account's token. A decision compares
//! names of volumes with each other, and with those of Rolebridge's volumes, which begin differently. So only the places with
//! the generated name are in the key.

use std::hash::{Hash, Hasher};

use super::Pod;
use super::container_list::Containers;
use super::volume_name::VolumeName;

/// Room for the key of most pods.
const CAPACITY: usize = 2 << 10;

/// A byte that precedes a number of more than a byte.
const LONG: u8 = u8::MAX;

impl Pod<'_> {
    /// Returns all bytes that decide about the pod in a namespace. In the same context, pods with equal keys get the same patch,
    /// and warnings and denials that differ in the generated name of a volume.
    #[must_use]
    pub fn key(&mut self, namespace: &str) -> Vec<u8> {
        self.mark_generated_volume();
        let mut writer = KeyWriter(Vec::with_capacity(CAPACITY));
        namespace.hash(&mut writer);
        self.hash(&mut writer);
        writer.0
    }

    /// Marks the generated name of the volume with the service account's token, if there is one.
    fn mark_generated_volume(&mut self) {
        let volumes = self.spec.volumes.as_deref_mut().unwrap_or_default().iter_mut();
        let mut generated = volumes.map(|volume| &mut volume.name).filter(|name| name.has_generated_prefix());
        let (Some(name), None) = (generated.next(), generated.next()) else { return };
        let lists = [&mut self.spec.init_containers, &mut self.spec.containers];
        let containers = lists.into_iter().flatten().flat_map(Containers::iter_mut);
        let mounts = containers.flat_map(|container| container.volume_mounts.iter_mut().flatten());
        let mounts = mounts.map(|mount| &mut mount.name).filter(|mounted| ***mounted == **name);
        mounts.for_each(VolumeName::mark_generated);
        name.mark_generated();
    }
}

/// Keeps all bytes that it gets.
struct KeyWriter(Vec<u8>);

impl Hasher for KeyWriter {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_u8(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes a length. Most take a byte.
    fn write_usize(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(length) if length != LONG => self.0.push(length),
            _ => {
                self.0.push(LONG);
                self.0.extend_from_slice(&length.to_ne_bytes());
            }
        }
    }

    /// Writes the number of an alternative, such as `Some`.
    fn write_isize(&mut self, number: isize) {
        self.write_usize(number.cast_unsigned());
    }

    /// Returns the number of bytes. The key itself is not hashed.
    fn finish(&self) -> u64 {
        self.0.len() as u64
    }
}
