#!/usr/bin/env python3
"""prometheus.py COMMAND [ARGUMENT...]: configures and queries the Prometheus of the cluster tests. Needs kubectl in PATH.

  config FOLDER    translates the ServiceMonitors, PodMonitors and PrometheusRules of the cluster into Prometheus's files
  targets JOB=N... succeeds if each job has N targets, and all of them are up
  dashboard        succeeds if each query of the chart's dashboard has a result
  rules            succeeds if Prometheus evaluates all rules of the PrometheusRules without an error
  alert NAME STATE succeeds if the alert is inactive, pending or firing
  none-firing      succeeds if no alert fires

No operator runs here, so `config` does its work: the jobs have its names and its labels of targets. Debian's Prometheus has no
discovery by Kubernetes, so `config` also finds the targets, and runs again after pods have changed. JSON is also YAML.
"""

import json
import pathlib
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True  # of queries.py
sys.path.append(str(pathlib.Path(__file__).parents[2] / "chart"))
PROXY = "/api/v1/namespaces/monitoring/pods/prometheus:9090/proxy/api/v1/"


def kubectl(*arguments):
    return json.loads(subprocess.run(["kubectl", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout)


def objects(kind, namespaces=None):
    """Returns the objects of a kind in some namespaces, by default in all."""
    found = kubectl("get", kind, "--all-namespaces", "--output", "json")["items"]
    return [one for one in found if namespaces is None or one["metadata"]["namespace"] in namespaces]


def query(path, **parameters):
    return kubectl("get", "--raw", PROXY + path + "?" + urllib.parse.urlencode(parameters))["data"]


def namespaces(monitor):
    """Returns the namespaces of a monitor, or None for all."""
    selector = monitor["spec"].get("namespaceSelector", {})
    return None if selector.get("any") else selector.get("matchNames", [monitor["metadata"]["namespace"]])


def selects(monitor, labels):
    return monitor["spec"]["selector"].get("matchLabels", {}).items() <= labels.items()


def service_targets(monitor, endpoint):
    """Yields the addresses behind the Services of a monitor, ready or not, with their labels."""
    services = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in objects("services", namespaces(monitor))
                if selects(monitor, one["metadata"].get("labels", {}))}
    for part in objects("endpointslices"):
        service = (part["metadata"]["namespace"], part["metadata"]["labels"].get("kubernetes.io/service-name"))
        if service not in services:
            continue
        for port in part["ports"] or []:  # a Service without pods has none
            for one in part["endpoints"] or [] if port["name"] == endpoint["port"] else []:
                yield f"{one['addresses'][0]}:{port['port']}", {"namespace": service[0], "service": service[1],
                                                                "endpoint": port["name"], "pod": one["targetRef"]["name"]}


def pod_targets(monitor, endpoint):
    """Yields the ports of the containers of a monitor's pods, with their labels. A sidecar is an init container."""
    for pod in objects("pods", namespaces(monitor)):
        metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
        is_scraped = selects(monitor, metadata.get("labels", {})) and "podIP" in status and status["phase"] in ("Pending", "Running")
        for container in spec.get("initContainers", []) + spec["containers"] if is_scraped else []:
            for port in container.get("ports", []):
                if port.get("name") == endpoint["port"]:
                    yield f"{status['podIP']}:{port['containerPort']}", {
                        "namespace": metadata["namespace"], "pod": metadata["name"], "container": container["name"]}


def job(monitor, kind, endpoint, targets):
    """Returns the scrape configuration of one endpoint of a monitor, and its targets."""
    metadata = monitor["metadata"]
    name = f"{kind}/{metadata['namespace']}/{metadata['name']}/0"
    file = name.replace("/", "_") + ".json"
    config = {
        "job_name": name,
        "metrics_path": endpoint["path"],
        "scrape_interval": endpoint["interval"],
        "file_sd_configs": [{"files": [f"/etc/prometheus/{file}"], "refresh_interval": "1s"}],
        "relabel_configs": endpoint.get("relabelings", []),
        "metric_relabel_configs": endpoint.get("metricRelabelings", []),
    }
    if "scrapeTimeout" in endpoint:
        config["scrape_timeout"] = endpoint["scrapeTimeout"]
    return config, file, [{"targets": [address], "labels": labels} for address, labels in targets(monitor, endpoint)]


def jobs():
    for monitor in objects("servicemonitors"):
        [endpoint] = monitor["spec"]["endpoints"]
        yield job(monitor, "serviceMonitor", endpoint, service_targets)
    for monitor in objects("podmonitors"):
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        yield job(monitor, "podMonitor", endpoint, pod_targets)


def rule_groups():
    return [group for rule in objects("prometheusrules") for group in rule["spec"]["groups"]]


def write_config(folder):
    folder = pathlib.Path(folder)
    configs = []
    for config, file, targets in jobs():
        configs.append(config)
        (folder / file).write_text(json.dumps(targets, indent=1))
    config = {"global": {"evaluation_interval": "1s", "scrape_timeout": "1s"}, "rule_files": ["/etc/prometheus/rules.json"],
              "scrape_configs": configs}
    (folder / "prometheus.json").write_text(json.dumps(config, indent=1))
    (folder / "rules.json").write_text(json.dumps({"groups": rule_groups()}, indent=1))


def check_targets(*expected):
    targets = query("targets", state="active")["activeTargets"]
    for text in expected:
        name, _, count = text.rpartition("=")
        found = [target for target in targets if target["scrapePool"] == name]
        healths = [f"{target['scrapeUrl']}: {target['health']} {target['lastError']}" for target in found]
        if len(found) != int(count) or any(target["health"] != "up" for target in found):
            sys.exit(f"job {name}: expected {count} targets, all up; found {healths or sorted({one['scrapePool'] for one in targets})}")


def check_dashboard():
    from queries import VARIABLES, dashboard_queries
    queries = list(dashboard_queries())
    for title, text in queries:
        for variable, value in VARIABLES.items():
            text = text.replace(variable, value)
        if not query("query", query=text)["result"]:
            sys.exit(f"{title}: expected series, found none: {text}")
    print(f"{len(queries)} queries")


def rules():
    return {rule["name"]: rule for group in query("rules")["groups"] for rule in group["rules"]}


def check_rules():
    found, expected = rules(), {rule["alert"] for group in rule_groups() for rule in group["rules"]}
    unhealthy = {name: rule.get("lastError") for name, rule in found.items() if rule["health"] != "ok"}
    if set(found) != expected or unhealthy:
        sys.exit(f"expected the rules {sorted(expected)}, found {sorted(found)}; with an error or not evaluated yet: {unhealthy}")
    print(f"{len(found)} alerts")


def check_alert(name, state):
    found = rules()[name]["state"]
    if found != state:
        sys.exit(f"{name}: expected {state}, found {found}")


def check_none_firing():
    firing = [name for name, rule in rules().items() if rule["state"] == "firing"]
    if firing:
        sys.exit(f"expected no alert, found {', '.join(firing)}")


COMMANDS = {"config": write_config, "targets": check_targets, "dashboard": check_dashboard, "rules": check_rules,
            "alert": check_alert, "none-firing": check_none_firing}
COMMANDS[sys.argv[1]](*sys.argv[2:])
