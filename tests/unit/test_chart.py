"""The chart, rendered by the real helm: a row a case, and what holds for every case."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import tools
from devcluster.layout import default_cache
from oremill import names
from oremill.crdgen.values import rows_of
from oremill.settings import Settings, load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/oremill"
METRICS_PAGE = ROOT / "docs/reference/metrics.md"
NAMESPACE = "mill"
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "minio": {"minio": {"enabled": True}},
    "minio-local": {"minio": {"enabled": True, "persistence": {"localPath": "/srv/minio"}}},
    "minio-class": {"minio": {"enabled": True, "persistence": {"storageClass": "fast"}}},
    "minio-claim": {"minio": {"enabled": True, "persistence": {"existingClaim": "mine"}}},
    "two-namespaces": {"watch": {"namespaces": ["one", "two"]}, "minio": {"enabled": True}},
    "cluster": {"rbac": {"scope": "cluster", "aggregate": True}},
    "standby": {"operator": {"replicas": 2, "priorityClassName": "high"}},
    "registry": {
        "image": {"registry": "registry.example/team", "tag": "v2", "pullSecrets": ["pull"]},
        "images": {"train": {"repository": "mine", "tag": "v3"}},
    },
    "monitoring": {
        "metrics": {
            "prometheusNamespace": "monitoring",
            "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True},
        }
    },
    "bare": {
        "crds": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "metrics": {"dashboard": {"enabled": False}},
    },
    "sized": {"jobs": {"resources": {"pretrain": {"cpu": "2", "scratch": "20Gi"}}}},
}
Objects = dict[tuple[str, str, str], dict[str, Any]]  # by kind, namespace and name
every_case = pytest.mark.parametrize("case", CASES)


def helm(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(tools.ensure(default_cache()) / "helm"), *words]
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)


def template(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    # helm built from source thinks of an old cluster, and does not ask one
    words = ("--kube-version=1.34", f"--namespace={NAMESPACE}", "--values=-")
    return helm("template", "oremill", str(CHART), *words, stdin=yaml.safe_dump(values))


@cache
def rendered(case: str) -> Objects:
    done = template(CASES[case])
    assert done.returncode == 0, done.stderr
    found = [item for item in yaml.safe_load_all(done.stdout) if item]
    objects = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item
        for item in found
    }
    assert len(objects) == len(found), "two objects of one name"
    return objects


def kinds(case: str, kind: str) -> list[dict[str, Any]]:
    return [item for (found, *_), item in rendered(case).items() if found == kind]


def pods(case: str) -> Iterator[dict[str, Any]]:
    for item in (*kinds(case, "Deployment"), *kinds(case, "StatefulSet")):
        yield item["spec"]["template"]["spec"]


def settings(case: str, folder: Path) -> Settings:
    config = rendered(case)["ConfigMap", NAMESPACE, "oremill-settings"]
    path = folder / "settings.json"
    path.write_text(config["data"]["settings.json"])
    return load(str(path))


def test_helm_lint_finds_nothing() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@every_case
def test_every_pod_obeys_the_restricted_level(case: str) -> None:
    for pod in pods(case):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all(set(volume) <= {"name", *SAFE_VOLUMES} for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


SAFE_VOLUMES = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}


@every_case
def test_the_operator_understands_its_settings(case: str, tmp_path: Path) -> None:
    assert settings(case, tmp_path).operator_namespace == NAMESPACE


def test_default_values_are_the_settings_own_defaults(tmp_path: Path) -> None:
    ours, own = settings("defaults", tmp_path), Settings(operator_namespace=NAMESPACE)
    storage = own.storage.model_copy(update={"endpoint": ""})  # no MinIO, so none is made up
    assert ours == own.model_copy(update={"images": ours.images, "storage": storage})


def test_sizes_given_in_part_keep_the_rest(tmp_path: Path) -> None:
    size = settings("sized", tmp_path).resources.pretrain
    assert (size.cpu, size.memory, size.scratch) == ("2", "4Gi", "20Gi")


def test_images_take_registry_and_tag(tmp_path: Path) -> None:
    images = settings("registry", tmp_path).images
    assert images.data == "registry.example/team/oremill-data:v2"
    assert images.train == "registry.example/team/mine:v3"
    (pod,) = pods("registry")
    assert pod["containers"][0]["image"] == "registry.example/team/oremill-operator:v2"
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


def test_the_embedded_minio_is_the_default_endpoint(tmp_path: Path) -> None:
    assert settings("minio", tmp_path).storage.endpoint == f"http://oremill-minio.{NAMESPACE}:9000"
    service = rendered("minio")["Service", NAMESPACE, "oremill-minio"]
    assert service["spec"]["ports"][0]["port"] == 9000


@pytest.mark.parametrize(
    ("case", "volume"),
    [
        ("minio", {"emptyDir": {"sizeLimit": "10Gi"}}),
        ("minio-local", {"persistentVolumeClaim": {"claimName": "oremill-minio"}}),
        ("minio-class", {"persistentVolumeClaim": {"claimName": "oremill-minio"}}),
        ("minio-claim", {"persistentVolumeClaim": {"claimName": "mine"}}),
    ],
)
def test_minio_keeps_its_data_where_the_values_say(case: str, volume: dict[str, Any]) -> None:
    _, pod = pods(case)
    assert {"name": "data", **volume} in pod["volumes"]
    claims = [item["metadata"]["name"] for item in kinds(case, "PersistentVolumeClaim")]
    assert claims == (["oremill-minio"] if case in ("minio-local", "minio-class") else [])
    assert bool(kinds(case, "PersistentVolume")) == (case == "minio-local")


def test_watched_namespaces_share_one_pair_of_keys() -> None:
    found = rendered("two-namespaces")
    keys = [
        found["Secret", space, "oremill-storage"]["data"] for space in ("one", "two", NAMESPACE)
    ]
    assert keys[0] == keys[1] == keys[2]
    assert set(keys[0]) == {"accessKey", "secretKey"}


@pytest.mark.parametrize(
    ("case", "watched"), [("defaults", NAMESPACE), ("two-namespaces", "one,two"), ("cluster", "")]
)
def test_the_operator_is_told_the_namespaces_that_it_has_rights_in(case: str, watched: str) -> None:
    pod = next(pods(case))
    env = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
    assert env[names.ENV_NAMESPACES] == watched
    roles = [item["metadata"]["namespace"] for item in kinds(case, "Role")]
    assert roles == [space for space in watched.split(",") if space]
    spaces = [f"--namespace={space}" for space in roles] or ["--all-namespaces"]
    assert pod["containers"][0]["command"][-len(spaces) :] == spaces
    assert len(kinds(case, "ClusterRole")) == (3 if case == "cluster" else 0)


def test_a_standby_waits_by_the_lease_that_it_may_write() -> None:
    pod = next(pods("standby"))
    env = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
    assert env[names.ENV_LEASE] == f"{NAMESPACE}/oremill"
    role = rendered("standby")["Role", NAMESPACE, "oremill-leader"]
    assert role["rules"][0]["resources"] == ["leases"]
    assert kinds("standby", "PodDisruptionBudget")


@every_case
def test_rights_are_named_and_reach_no_further(case: str) -> None:
    for role in (*kinds(case, "Role"), *kinds(case, "ClusterRole")):
        for rule in role["rules"]:
            assert "*" not in json.dumps(rule)
            if "secrets" in rule["resources"]:
                assert not {"list", "watch"} & set(rule["verbs"]), "Secrets are the users' own"


def test_ports_and_paths_are_those_of_the_contract() -> None:
    (pod,) = pods("defaults")
    (container,) = pod["containers"]
    ports = {item["name"]: item["containerPort"] for item in container["ports"]}
    assert ports == {"metrics": names.PORT_OPERATOR_METRICS, "health": names.PORT_OPERATOR_HEALTH}
    env = {item["name"]: item.get("value") for item in container["env"]}
    mounts = [item["mountPath"] for item in container["volumeMounts"]]
    for name in (names.ENV_SETTINGS, names.ENV_KEY_FILE):
        assert str(Path(env[name]).parent) in mounts
    text = (CHART / "templates/networkpolicies.yaml").read_text()
    assert f"port: {names.PORT_PROGRESS}}}" in text
    assert names.LABEL_ROLE in text


def test_the_bucket_is_closed_to_sandboxes() -> None:
    policy = rendered("minio")["NetworkPolicy", NAMESPACE, "oremill-minio"]["spec"]
    (peer,) = policy["ingress"][0]["from"]
    roles = peer["podSelector"]["matchExpressions"][0]["values"]
    assert set(roles) == {names.ROLE_RESOLVE, names.ROLE_STEP, names.ROLE_CLEANUP}


def test_crds_come_with_the_chart_and_stay_without_it() -> None:
    found = {
        item["metadata"]["name"]: item for item in kinds("defaults", "CustomResourceDefinition")
    }
    assert len(found) == len(names.KINDS)
    for name, crd in found.items():
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert crd["spec"] == yaml.safe_load((ROOT / f"crds/{name}.yaml").read_text())["spec"]
    assert kinds("bare", "CustomResourceDefinition") == []


def test_options_that_are_off_leave_nothing_behind() -> None:
    assert {kind for kind, *_ in rendered("bare")} == {
        "ServiceAccount", "Deployment", "Role", "RoleBinding", "ConfigMap", "Secret"
    }  # fmt: skip


def test_dashboards_are_json_with_the_sidecars_label() -> None:
    config = rendered("defaults")["ConfigMap", NAMESPACE, "oremill-dashboards"]
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["data"], "no dashboard"
    for text in config["data"].values():
        assert json.loads(text)["panels"]


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


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


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with make cluster-up")
def test_prometheus_takes_the_alerts() -> None:
    command = ["promtool", "check", "rules", str(CHART / "rules/alerts.yaml")]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    rule = rendered("monitoring")["PrometheusRule", NAMESPACE, "oremill"]["spec"]
    assert rule == yaml.safe_load((CHART / "rules/alerts.yaml").read_text())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"storage": {"buckett": "a"}}, "buckett"),
        ({"storage": {"endpoint": "minio:9000"}}, "/storage/endpoint"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"operator": {"replicas": 9}}, "/operator/replicas"),
        ({"rbac": {"scope": "galaxy"}}, "/rbac/scope"),
        ({"jobs": {"resources": {"pretraining": {}}}}, "pretraining"),
        ({"minio": {"persistence": {"size": "10 GB"}}}, "/minio/persistence/size"),
        ({"watch": {"namespaces": ["Mine"]}}, "/watch/namespaces/0"),
    ],
)
def test_helm_refuses_a_bad_value_by_name(values: dict[str, Any], said: str) -> None:
    done = template(values)
    assert done.returncode != 0
    assert said in done.stderr


def leaves(node: Any, path: str) -> Iterator[str]:
    """Return the path of every value that the schema knows."""
    node = schema()["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    if "properties" not in node or path.endswith(".resources"):
        yield path
        return
    for name, child in node["properties"].items():
        yield from leaves(child, f"{path}.{name}")


def test_every_value_has_a_default_a_comment_and_a_schema() -> None:
    commented = [path for path, *_ in rows_of((CHART / "values.yaml").read_text())]
    known = [path.removeprefix(".") for path in leaves(schema(), "")]
    assert sorted(commented) == sorted(path for path in known if path != "global")
