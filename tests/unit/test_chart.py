"""The chart, rendered by the real helm: a row a case, and what holds for every case."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import images
from oremill import names
from oremill.crdgen.values import rows_of
from oremill.settings import Settings, load
from tests.chart import CHART, NAMESPACE, ROOT, every_case, helm, kinds, pods, rendered, template


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
    ours = settings("registry", tmp_path).images
    assert ours.data == "registry.example/team/oremill-data:v2"
    assert ours.train == "registry.example/team/mine:v3"
    (pod,) = pods("registry")
    assert pod["containers"][0]["image"] == "registry.example/team/oremill-operator:v2"
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


def test_the_chart_asks_for_the_names_that_make_images_pushes(tmp_path: Path) -> None:
    ours = settings("own-images", tmp_path).images
    (pod,) = pods("own-images")
    asked = {name: getattr(ours, name) for name in ("data", "train", "sandbox")}
    for name, image in (asked | {"operator": pod["containers"][0]["image"]}).items():
        assert image == images.released(images.reference(name, "registry.example/team"))


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


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


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
