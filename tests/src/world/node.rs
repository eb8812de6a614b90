//! The node of the scenario: the programs that replace images, and tokens signed as the cluster's API server signs them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use rolebridge_core::pod_names::PROGRAM;
use rolebridge_fake_clouds::{Clouds, ProjectedToken};

use super::{APP_PROGRAM, ISSUER};
use crate::error::{Context, Result};
use crate::fake_kubelet::{Node, TokenRequest};
use crate::programs::Programs;

pub(super) fn new(programs: &Programs, app: Vec<OsString>, clouds: &Arc<Clouds>) -> Node {
    let sidecar = vec![programs.sidecar.clone().into()];
    let issuer = Arc::clone(clouds);
    Node {
        programs: BTreeMap::from([(PROGRAM.to_owned(), sidecar), (APP_PROGRAM.to_owned(), app)]),
        config_maps: config_maps(clouds.ca_pem()),
        token_issuer: Arc::new(move |request| issue_token(&issuer, request)),
    }
}

fn config_maps(ca_pem: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let ca = BTreeMap::from([("ca.crt".to_owned(), ca_pem.to_owned())]);
    BTreeMap::from([("clouds".to_owned(), ca.clone()), ("kube-root-ca.crt".to_owned(), ca)])
}

fn issue_token(clouds: &Clouds, request: &TokenRequest) -> Result<String> {
    let audience = request.audience.as_deref().unwrap_or("https://kubernetes.default.svc");
    let token = ProjectedToken {
        namespace: &request.namespace,
        service_account: &request.service_account,
        audiences: &[audience],
        lifetime: i64::try_from(request.lifetime).context("the token's lifetime")?,
        pod: Some(&request.pod),
    };
    let signed = clouds.issuer(ISSUER).and_then(|issuer| issuer.mint(&token, clouds.aws_clock().now()));
    signed.context("the cluster's issuer cannot sign tokens")
}
