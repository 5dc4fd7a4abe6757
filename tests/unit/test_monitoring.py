"""What people watch: metrics that exist, alerts and a dashboard that Prometheus understands."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart import CHART, NAMESPACE, ROOT, rendered

METRICS_PAGE = ROOT / "docs/reference/metrics.md"


def test_dashboards_are_json_with_the_sidecars_label() -> None:
    config = rendered("defaults")["ConfigMap", NAMESPACE, "oremill-dashboards"]
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["data"], "no dashboard"
    for text in config["data"].values():
        assert json.loads(text)["panels"]


def exported() -> str:
    """Return the source of everything that exports a metric."""
    steps = sorted((ROOT / "pipeline_steps").rglob("*.py"))
    sources = [ROOT / "operator/oremill/metrics.py", *steps]
    return "\n".join(path.read_text() for path in sources)


SHOWN = [CHART / "dashboards/oremill.json", CHART / "rules/alerts.yaml", METRICS_PAGE]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.name)
def test_every_metric_that_is_shown_is_exported(page: Path) -> None:
    source = exported()
    for metric in sorted(set(re.findall(r"oremill_[a-z_]+[a-z]", page.read_text()))):
        name = re.sub(r"_(total|bucket)$", "", metric)  # what the client library appends
        assert f'"{name}"' in source or f'"{name.removeprefix("oremill_")}"' in source, metric


def test_every_metric_of_the_operator_is_documented() -> None:
    source = (ROOT / "operator/oremill/metrics.py").read_text()
    page = METRICS_PAGE.read_text()
    for metric in re.findall(r'"(oremill_[a-z_]+)"', source):
        assert metric in page


needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool: `make cluster-up` installs it"
)


def check_rules(path: Path) -> None:
    command = ["promtool", "check", "rules", str(path)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_alerts() -> None:
    check_rules(CHART / "rules/alerts.yaml")
    rule = rendered("monitoring")["PrometheusRule", NAMESPACE, "oremill"]["spec"]
    assert rule == yaml.safe_load((CHART / "rules/alerts.yaml").read_text())


@needs_promtool
def test_prometheus_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    board = json.loads((CHART / "dashboards/oremill.json").read_text())
    queries = [query["expr"] for panel in board["panels"] for query in panel.get("targets", [])]
    known = [query.replace("$__rate_interval", "5m").replace("$kind", ".*") for query in queries]
    rules = [{"record": f"query_{index}", "expr": query} for index, query in enumerate(known)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check_rules(path)
