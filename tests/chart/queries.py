#!/usr/bin/env python3
"""queries.py [WEBHOOK SIDECAR]: evaluates each query of the dashboard, and each selector of the alerts, on the metrics pages of both
programs.

Needs helm and promtool in PATH. The arguments are the pages of running programs; by default, those in tests/chart/metrics, which the
tests of the programs keep equal to their own. A query without a result is an error: its panel would stay empty.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).parent
CHART = HERE.parents[1] / "charts/rolebridge"
# Labels of the targets: those of Prometheus's service discovery.
WEBHOOK = {"namespace": "rolebridge-system", "service": "rolebridge", "pod": "rolebridge-a"}
SIDECAR = {"namespace": "shop", "pod": "app"}
# What Grafana inserts.
VARIABLES = {"$__rate_interval": "5m", "$namespace": ".+"}
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
# Metrics of Prometheus and of API servers.
FOREIGN = ("up", "apiserver_")


def series(page, labels):
    """Returns the samples of a page with the labels of a target. Every value grows, so that rates have a result."""
    added = ",".join(f'{name}="{value}"' for name, value in labels.items())
    found = []
    for line in page.read_text().splitlines():
        if line and not line.startswith("#"):
            name, own, value = SAMPLE.fullmatch(line).groups()
            found.append({"series": f"{name}{{{','.join(filter(None, [own, added]))}}}", "values": f"{value}+1x15"})
    return found


def dashboard_queries():
    dashboard = json.loads((CHART / "files/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']}, {target['refId']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
            yield f"variable {variable['name']}", f'{metric}{{{label}!=""}}'


def alert_queries():
    options = ["networkPolicy.enabled=false", "monitoring.prometheusRule.enabled=true", "monitoring.podMonitor.enabled=true"]
    text = subprocess.run(["helm", "template", "rolebridge", CHART, "--namespace", WEBHOOK["namespace"], "--show-only",
                           "templates/monitoring/prometheusrule.yaml", "--set", ",".join(options)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    for rule in yaml.safe_load(text)["spec"]["groups"][0]["rules"]:
        grouped = re.findall(r" by \((\w+)\)", rule["expr"])
        for selector in re.findall(r"\b[a-z_]+\{[^}]*\}|\brolebridge_\w+", rule["expr"]):
            if not selector.startswith(FOREIGN):
                yield rule["alert"], selector
                for label in grouped:
                    yield rule["alert"], f'count by ({label}) ({selector}) and count by ({label}) ({selector.partition("{")[0]}{{{label}!=""}})'


def main():
    pages = [pathlib.Path(page) for page in sys.argv[1:]] or [HERE / "metrics/webhook.prom", HERE / "metrics/sidecar.prom"]
    queries = [*dashboard_queries(), *alert_queries()]
    tests = []
    for title, query in queries:
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)
        tests.append({"name": title, "interval": "1m", "input_series": series(pages[0], WEBHOOK) + series(pages[1], SIDECAR),
                      "promql_expr_test": [{"expr": f"count({query}) > bool 0", "eval_time": "10m",
                                            "exp_samples": [{"labels": "{}", "value": 1}]}]})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        # The series are the same in each test: anchors keep the file small.
        yaml.safe_dump({"evaluation_interval": "1m", "tests": [{**test, "input_series": tests[0]["input_series"]} for test in tests]}, file)
        file.flush()
        result = subprocess.run(["promtool", "test", "rules", file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit(result.stdout)
    print(f"{len(queries)} queries")


if __name__ == "__main__":
    main()
