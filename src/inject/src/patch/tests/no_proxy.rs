//! Proxies, past which the loopback is reached, and which the sidecar takes too.

use serde_json::json;

use super::{DEFAULTS, env, injected, pod, sidecar};

#[test]
fn the_loopback_is_reached_past_a_proxy() {
    let both = "NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost";
    for (given, from, after, warned) in [
        ("", false, "", false),
        ("NO_PROXY=.svc", false, "NO_PROXY=.svc", false),
        ("HTTP_PROXY=http://p", false, &*format!("HTTP_PROXY=http://p {both}"), false),
        ("https_proxy=http://p", false, &*format!("https_proxy=http://p {both}"), false),
        ("HTTP_PROXY<", false, &*format!("HTTP_PROXY< {both}"), false),
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
        let mut web = json!({"env": env(given)});
        if from {
            web["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
        }
        let (patched, warnings) = injected(&pod(&web), DEFAULTS);
        let found = patched["spec"]["containers"][0]["env"].as_array().unwrap();
        let others: Vec<_> =
            found.iter().filter(|one| !one["value"].as_str().unwrap_or("").starts_with("/var/run")).collect();
        assert_eq!(json!(others), env(after), "{given}");
        assert_eq!(
            warnings.iter().any(|one| one.contains("NO_PROXY must have")),
            warned,
            "{given}: {warnings:?}"
        );
        // With a file nobody is asked.
        let mut by_file = pod(&web);
        by_file["metadata"]["annotations"]["rolebridge.io/source"] = json!("file");
        let (patched, warnings) = injected(&by_file, DEFAULTS);
        assert_eq!(
            patched["spec"]["containers"][0]["env"].as_array().unwrap().len(),
            given.split_whitespace().count() + 2
        );
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn the_sidecar_takes_the_proxy_that_the_apps_agree_on() {
    for (one, other, wanted) in [
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
        let mut pod = pod(&json!({"env": env(one)}));
        pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "other", "env": env(other)}));
        let (patched, _) = injected(&pod, DEFAULTS);
        let variables = sidecar(&patched)["env"].as_array().unwrap();
        let value = |name: &str| {
            let found = variables.iter().find(|variable| variable["name"] == name);
            found.map_or("-", |variable| variable["value"].as_str().unwrap())
        };
        assert_eq!(format!("{} {}", value("HTTPS_PROXY"), value("NO_PROXY")), wanted, "{one} and {other}");
    }
}
