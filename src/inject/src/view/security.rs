//! The fields of a security context, of a container or of the pod, that affect injection.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::borrowed_str::BorrowedStr;
use super::network::Sysctls;
use super::present::Present;

/// The fields of a security context that affect injection.
#[derive(Debug, Clone, Default, Hash, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityContext<'a> {
    pub(crate) run_as_user: Option<i64>,
    pub(crate) run_as_group: Option<i64>,
    #[serde(borrow)]
    pub(crate) se_linux_options: Option<SeLinuxOptions<'a>>,
    #[serde(borrow)]
    app_armor_profile: Option<AppArmorProfile<'a>>,
    capabilities: Option<Capabilities>,
    /// Only in the pod's own context.
    #[serde(borrow)]
    pub(crate) sysctls: Option<Sysctls<'a>>,
    windows_options: Option<WindowsOptions>,
}

impl SecurityContext<'_> {
    /// Returns true if the context has an option that only Windows knows.
    pub(super) fn has_windows_options(&self) -> bool {
        self.windows_options.as_ref().is_some_and(|options| {
            let others = [
                &options.run_as_user_name,
                &options.gmsa_credential_spec,
                &options.gmsa_credential_spec_name,
            ];
            options.host_process == Some(true) || others.into_iter().any(Option::is_some)
        })
    }

    /// Returns true for an `AppArmor` profile that the user has loaded on the nodes.
    pub(crate) fn has_local_app_armor_profile(&self) -> bool {
        self.app_armor_profile.as_ref().is_some_and(|profile| profile.r#type.as_deref() == Some("Localhost"))
    }

    /// Returns true if the container may change the pod's network.
    pub(crate) fn adds_net_admin(&self) -> bool {
        let added = self.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
        added.is_some_and(|added| added.has_net_admin)
    }
}

#[derive(Debug, Clone, Default, Hash, serde::Deserialize)]
struct AppArmorProfile<'a> {
    #[serde(borrow)]
    r#type: Option<BorrowedStr<'a>>,
}

/// A container's `seLinuxOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub(crate) struct SeLinuxOptions<'a> {
    #[serde(borrow)]
    pub(crate) user: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) role: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) r#type: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) level: Option<BorrowedStr<'a>>,
}

/// The options of a container on Windows.
#[derive(Debug, Clone, Default, Hash, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowsOptions {
    host_process: Option<bool>,
    run_as_user_name: Option<Present>,
    gmsa_credential_spec: Option<Present>,
    gmsa_credential_spec_name: Option<Present>,
}

#[derive(Debug, Clone, Hash, serde::Deserialize)]
struct Capabilities {
    add: Option<AddedCapabilities>,
}

/// A list of capabilities, of which only one matters. The list itself is not kept, because it is not bounded.
#[derive(Debug, Clone, Hash)]
struct AddedCapabilities {
    has_net_admin: bool,
}

impl<'de> Deserialize<'de> for AddedCapabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CapabilitiesVisitor)
    }
}

struct CapabilitiesVisitor;

impl<'de> Visitor<'de> for CapabilitiesVisitor {
    type Value = AddedCapabilities;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of capabilities")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut has_net_admin = false;
        while let Some(capability) = list.next_element::<BorrowedStr<'de>>()? {
            has_net_admin |= ["NET_ADMIN", "CAP_NET_ADMIN", "ALL"].contains(&&*capability);
        }
        Ok(AddedCapabilities { has_net_admin })
    }
}
