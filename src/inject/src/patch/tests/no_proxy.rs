//! `NO_PROXY` of the app containers, and the proxy of the sidecar.

use serde_json::json;

use super::{env, injected, pod, sidecar};

/// Defaults with which the sidecar uses the app's proxy.
const UNLOCKED: &str = "locked: []
settings:
  provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod
  role-arn: arn:aws:iam::123456789012:role/batch
";

#[test]
fn no_proxy_of_a_container_with_a_proxy_is_extended() {
    let both = "NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost";
    for (set, has_env_from, expected, warned) in [
        ("", false, "", false),
        ("NO_PROXY=.svc", false, "NO_PROXY=.svc", false),
        ("HTTP_PROXY=http://p", false, &*format!("{both} HTTP_PROXY=http://p"), false),
        ("https_proxy=http://p", false, &*format!("{both} https_proxy=http://p"), false),
        ("HTTP_PROXY<", false, &*format!("{both} HTTP_PROXY<"), false),
        ("HTTP_PROXY=", false, "HTTP_PROXY=", false),
        (
            "HTTP_PROXY=http://p NO_PROXY=.svc",
            false,
            "HTTP_PROXY=http://p NO_PROXY=.svc,127.0.0.1,localhost",
            false,
        ),
        (
            "HTTP_PROXY=http://p NO_PROXY=localhost no_proxy=",
            false,
            "HTTP_PROXY=http://p NO_PROXY=localhost,127.0.0.1 no_proxy=127.0.0.1,localhost",
            false,
        ),
        ("HTTP_PROXY=http://p NO_PROXY<", false, "HTTP_PROXY=http://p NO_PROXY<", true),
        ("HTTP_PROXY=http://p", true, "HTTP_PROXY=http://p", true),
        ("", true, "", false),
    ] {
        let mut web = json!({"env": env(set)});
        if has_env_from {
            web["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
        }
        let (patched, warnings) = injected(&pod(&web), UNLOCKED);
        let variables = patched["spec"]["containers"][0]["env"].as_array().unwrap();
        let others: Vec<_> = variables
            .iter()
            .filter(|variable| !variable["value"].as_str().unwrap_or("").starts_with("/var/run"))
            .collect();
        assert_eq!(json!(others), env(expected), "{set}");
        assert_eq!(
            warnings.iter().any(|warning| warning.contains("add 127.0.0.1,localhost to NO_PROXY")),
            warned,
            "{set}: {warnings:?}"
        );
        // With a file the app calls no server.
        let mut with_file = pod(&web);
        with_file["metadata"]["annotations"]["rolebridge.io/source"] = json!("file");
        let (patched, warnings) = injected(&with_file, UNLOCKED);
        assert_eq!(
            patched["spec"]["containers"][0]["env"].as_array().unwrap().len(),
            set.split_whitespace().count() + 2
        );
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn sidecar_uses_the_proxy_that_all_containers_share() {
    for (first, second, expected) in [
        ("HTTPS_PROXY=http://p:3128 NO_PROXY=.svc", "", "http://p:3128 .svc"),
        ("HTTPS_PROXY=http://p:3128 NO_PROXY=.svc,", "", "http://p:3128 .svc,"),
        ("HTTPS_PROXY=http://p:3128", "https_proxy=http://p:3128", "http://p:3128 -"),
        ("HTTPS_PROXY=p:3128", "", "http://p:3128 -"),
        ("HTTPS_PROXY=http://p:3128", "HTTPS_PROXY=http://q:3128", "- -"),
        ("HTTPS_PROXY=http://p:3128", "HTTPS_PROXY<", "- -"),
        ("HTTPS_PROXY=http://$(HOST):3128", "", "- -"),
        ("HTTPS_PROXY=socks5://p", "", "- -"),
        ("NO_PROXY=.svc", "", "- -"),
    ] {
        let mut pod = pod(&json!({"env": env(first)}));
        pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "other", "env": env(second)}));
        let (patched, _) = injected(&pod, UNLOCKED);
        let variables = sidecar(&patched)["env"].as_array().unwrap();
        let value = |name: &str| {
            let variable = variables.iter().find(|variable| variable["name"] == name);
            variable.map_or("-", |variable| variable["value"].as_str().unwrap())
        };
        assert_eq!(
            format!("{} {}", value("HTTPS_PROXY"), value("NO_PROXY")),
            expected,
            "{first} and {second}"
        );
    }
}
