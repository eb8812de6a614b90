//! One page of a list, read with a limit of bytes.
//!
//! Tenants choose the sizes of their objects, so the number of objects alone does not bound a page. A page that is too large
//! is not read to its end, and is requested again with fewer objects.

use std::time::Duration;

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use tokio::time::timeout;

use super::error::ListWatchError;
use super::object::Page;
use crate::bounded_body::BoundedBody;

/// Maximum number of objects in a page: with managed fields, ordinary objects have 1 to 4 KiB, so a page has up to 1 MiB.
const MAX_PAGE_OBJECTS: u32 = 250;
/// Maximum size of a page with several objects. A page is held as JSON, and its relevant keys a second time. That is 4 MiB
/// for each list, and 8 MiB if all of it is relevant.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// Maximum size of a page with one object: etcd stores at most 1.5 MiB, and each byte can become six (`\u003c`) in JSON.
pub(crate) const MAX_OBJECT_BYTES: usize = 10 << 20;
/// Deadline for a page. An API server gives up after a minute.
const PAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Number of objects to request, adapted to their sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(MAX_PAGE_OBJECTS)
    }
}

impl PageSize {
    const fn max_bytes(self) -> usize {
        if self.0 == 1 { MAX_OBJECT_BYTES } else { MAX_PAGE_BYTES }
    }

    /// Doubles the size after a page with this many bytes, if twice as many would have been allowed.
    const fn adapt(&mut self, bytes: usize) {
        let doubled = self.0 * 2;
        if bytes <= MAX_PAGE_BYTES / 2 {
            self.0 = if doubled < MAX_PAGE_OBJECTS { doubled } else { MAX_PAGE_OBJECTS };
        }
    }

    /// Quarters the size after a page that was too large. Returns false if it had only one object.
    const fn shrink(&mut self) -> bool {
        let shrinks = self.0 > 1;
        self.0 = if self.0 < 4 { 1 } else { self.0 / 4 };
        shrinks
    }
}

/// Reads the page that `token` continues, or the first one, with as many objects as fit.
pub(super) async fn read(
    client: &Client,
    request: &Request,
    fields: Option<&str>,
    token: Option<&str>,
    size: &mut PageSize,
) -> Result<Page, ListWatchError> {
    loop {
        let params = ListParams {
            field_selector: fields.map(str::to_owned),
            limit: Some(size.0),
            continue_token: token.map(str::to_owned),
            ..ListParams::default()
        };
        let call = read_once(client, request, &params, *size);
        let result = timeout(PAGE_TIMEOUT, call).await;
        match result.unwrap_or(Err(ListWatchError::Silent(PAGE_TIMEOUT))) {
            Err(ListWatchError::PageTooLarge { .. }) if size.shrink() => {}
            Ok((page, bytes)) => {
                size.adapt(bytes);
                return Ok(page);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns a page and its number of bytes.
async fn read_once(
    client: &Client,
    request: &Request,
    params: &ListParams,
    size: PageSize,
) -> Result<(Page, usize), ListWatchError> {
    let request = request.list_metadata(params).map_err(kube::Error::BuildRequest)?;
    let mut body = BoundedBody::request(client, request).await?;
    let max_bytes = size.max_bytes();
    if !body.read(max_bytes).await? {
        return Err(ListWatchError::PageTooLarge { limit: size.0, max_bytes });
    }
    let page = serde_json::from_slice(body.text()).map_err(kube::Error::SerdeError)?;
    Ok((page, body.text().len()))
}
