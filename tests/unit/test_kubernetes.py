"""The manifests of Kubernetes: every field is one that its API has, of the right type, and they fit each other and what
silogate does. The API's schema is that of python3-kubernetes, whose classes are made out of the published OpenAPI
document; ServiceMonitor's is that of Prometheus' operator, as far as it is used."""
import os
import re
import subprocess

import pytest
import yaml

from harness import places

FOLDER = places.TOP / "packaging/kubernetes"
FILES = ["silogate.yaml", "sidecar.yaml"]
KINDS = {("v1", "ConfigMap"): "V1ConfigMap", ("v1", "Service"): "V1Service", ("apps/v1", "Deployment"): "V1Deployment",
         ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
         ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy"}
# io.k8s.api.core.v1.Container of Kubernetes 1.29; Debian 12's python3-kubernetes is of 1.22.
NEWER = {("V1Container", "restartPolicy"): "str"}
# https://prometheus-operator.dev/docs/api-reference/api/: ServiceMonitorSpec and Endpoint.
MONITOR = {"selector": dict, "endpoints": list, "jobLabel": str, "namespaceSelector": dict}
ENDPOINT = {"port": str, "path": str, "interval": str, "scheme": str, "scrapeTimeout": str, "authorization": dict}
SIMPLE = {"str": str, "int": int, "bool": bool, "float": float}


def build(value, kind, where):
    """An object of the API's class `kind`; its constructor asks for what has to be there."""
    if kind.startswith("list["):
        assert isinstance(value, list), where
        return [build(one, kind[5:-1], f"{where}[{i}]") for i, one in enumerate(value)]
    if kind.startswith("dict("):
        assert isinstance(value, dict), where
        return {name: build(one, kind[5:-1].split(", ")[1], f"{where}.{name}") for name, one in value.items()}
    if kind == "object":  # a number or a string: a port, a share, an amount
        assert isinstance(value, (str, int)) and not isinstance(value, bool), where
        return value
    if kind in SIMPLE:
        assert type(value) is SIMPLE[kind], f"{where}: {value!r} is no {kind}"
        return value
    from kubernetes.client import models  # as slow as all these tests, for each process that collects them
    made = getattr(models, kind)
    names = {shown: name for name, shown in made.attribute_map.items()}
    assert isinstance(value, dict), where
    found = {}
    for shown, one in value.items():
        if (kind, shown) in NEWER:
            build(one, NEWER[kind, shown], f"{where}.{shown}")
            continue
        assert shown in names, f"{where}: {kind} has no {shown}"
        found[names[shown]] = build(one, made.openapi_types[names[shown]], f"{where}.{shown}")
    return made(**found)


def check(document):
    kind = document["kind"]
    if kind == "ServiceMonitor":
        assert set(document) == {"apiVersion", "kind", "metadata", "spec"}
        assert document["apiVersion"] == "monitoring.coreos.com/v1"
        build(document["metadata"], "V1ObjectMeta", kind)
        build(document["spec"]["selector"], "V1LabelSelector", kind)
        for fields, known in ((document["spec"], MONITOR), *((one, ENDPOINT) for one in document["spec"]["endpoints"])):
            assert all(type(value) is known[name] for name, value in fields.items()), fields
        return
    build(document, KINDS[document["apiVersion"], kind], kind)


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def by_kind(name, kind):
    return [one for one in documents(name) if one["kind"] == kind]


def pod_of(name):
    deployment, = by_kind(name, "Deployment")
    return deployment["spec"]["template"]


def silogates(name):
    spec = pod_of(name)["spec"]
    return [one for one in spec["containers"] + spec.get("initContainers", []) if one["image"].startswith("silogate:")]


def ini_of(name):
    volume, = (one["configMap"]["name"] for one in pod_of(name)["spec"]["volumes"] if "configMap" in one)
    text, = (one["data"]["proxy.ini"] for one in by_kind(name, "ConfigMap") if one["metadata"]["name"] == volume)
    return text, dict(re.findall(r"(?m)^(\w+) = (\S+)", text))


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


@pytest.mark.parametrize("name", FILES)
def test_each_field_is_one_of_the_api(name):
    for document in documents(name):
        check(document)
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", document["metadata"]["name"])
    if name == "silogate.yaml":
        assert {one["kind"] for one in documents(name)} == {
            "ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"}


@pytest.mark.parametrize("path, value", [
    (("spec", "replicas"), "3"), (("spec", "replica"), 3), (("spec", "selector"), None),
    (("spec", "template", "spec", "containers", 0, "readinessprobe"), {}),
    (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "3306"),
    (("spec", "template", "spec", "containers", 0, "securityContext", "capabilities"), ["ALL"]),
    (("spec", "strategy", "rollingUpdate", "maxSurge"), {}), (("spec", "template", "spec", "graceSeconds"), 1)])
def test_a_wrong_field_is_found(path, value):
    deployment, = by_kind("silogate.yaml", "Deployment")
    inside = deployment
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    if value is None:
        del inside[path[-1]]
    with pytest.raises((AssertionError, ValueError)):
        check(deployment)


@pytest.mark.parametrize("name", FILES)
def test_the_policy_in_it_is_good(name, tmp_path):
    (tmp_path / "proxy.ini").write_text(ini_of(name)[0])
    done = subprocess.run([places.SILOGATE, "check", "-c", tmp_path / "proxy.ini"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.parametrize("name", FILES)
def test_there_is_time_to_drain(name):
    value = ini_of(name)[1]
    assert pod_of(name)["spec"]["terminationGracePeriodSeconds"] > \
        seconds(value.get("shutdown_delay", "0s")) + seconds(value["drain_timeout"])
    if name == "silogate.yaml":  # out of the Service before its listener closes
        probe = silogates(name)[0]["readinessProbe"]
        assert seconds(value["shutdown_delay"]) > probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize("name", FILES)
def test_there_is_memory_for_its_sessions(name):
    """With TLS on both legs and half of the clients slow, by docs/deploy.md's figures."""
    needed = 14 * 1024 + int(ini_of(name)[1]["max_connections"]) * (2 + 2 * 40 + 75 / 2)  # KiB
    for container in silogates(name):
        limit = container["resources"]["limits"]["memory"]
        assert int(re.fullmatch(r"(\d+)Mi", limit)[1]) * 1024 > needed


@pytest.mark.parametrize("name", FILES)
def test_what_it_writes_can_be_written(name):
    """On a root file system that is read-only, as a user without rights."""
    volumes = {one["name"]: one for one in pod_of(name)["spec"]["volumes"]}
    for container in silogates(name):
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"] and confined["capabilities"] == {"drop": ["ALL"]}
        assert confined["allowPrivilegeEscalation"] is False
        assert {**pod_of(name)["spec"].get("securityContext", {}), **confined}["runAsNonRoot"] is True
        mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
        assert all(one["name"] in volumes for one in mounts.values())
        assert mounts["/etc/silogate"]["readOnly"] and "configMap" in volumes[mounts["/etc/silogate"]["name"]]
        for written in re.findall(r"(?m)^(?:control|state|violations|listen|admin) = (?:unix:)?(/\S+)", ini_of(name)[0]):
            assert any(written.startswith(f"{path}/") and "emptyDir" in volumes[one["name"]]
                       for path, one in mounts.items()), written


@pytest.mark.parametrize("name", FILES)
def test_probes_and_ports(name):
    value = ini_of(name)[1]
    mysql, admin = (int(value[key].rsplit(":", 1)[1]) for key in ("listen", "admin"))
    assert value["admin"].startswith("0.0.0.0:")  # the kubelet asks the pod's address
    for container in silogates(name):
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        assert ports["mysql"] == mysql and ports["admin"] == admin
        probes = {kind: one["httpGet"] for kind, one in container.items() if kind.endswith("Probe")}
        assert "livenessProbe" in probes and {"readinessProbe", "startupProbe"} & set(probes)
        for kind, asked in probes.items():
            assert ports.get(asked["port"], asked["port"]) == admin
            assert asked["path"] == ("/readyz" if kind == "readinessProbe" else "/healthz")
        # without args it is the image's own command
        command = re.search(r"(?m)^CMD (.*)$", (places.TOP / "packaging/container/Containerfile").read_text())[1]
        assert container.get("args", yaml.safe_load(command)) == ["run", "-c", "/etc/silogate/proxy.ini"]
        version = re.search(r"(?m)^VERSION := (\S+)", (places.TOP / "Makefile").read_text())[1]
        assert container["image"] == f"silogate:{version}"


def test_they_fit_each_other():
    deployment, = by_kind("silogate.yaml", "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    ports = {one["name"] for one in silogates("silogate.yaml")[0]["ports"]}
    budget, = by_kind("silogate.yaml", "PodDisruptionBudget")
    policy, = by_kind("silogate.yaml", "NetworkPolicy")
    monitor, = by_kind("silogate.yaml", "ServiceMonitor")
    services = by_kind("silogate.yaml", "Service")
    for selector in (deployment["spec"]["selector"]["matchLabels"], budget["spec"]["selector"]["matchLabels"],
                     policy["spec"]["podSelector"]["matchLabels"], *(one["spec"]["selector"] for one in services)):
        assert selector.items() <= labels.items()
    for service in services:
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports
    assert deployment["spec"]["replicas"] > budget["spec"]["minAvailable"] > 1
    watched, = (one for one in services
                if monitor["spec"]["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items())
    assert {one["port"] for one in monitor["spec"]["endpoints"]} <= {one["name"] for one in watched["spec"]["ports"]}
    assert watched["spec"]["publishNotReadyAddresses"]  # one that drains is watched until its end
    allowed = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert allowed == {one["containerPort"] for one in silogates("silogate.yaml")[0]["ports"]}
    upstream = int(ini_of("silogate.yaml")[1]["address"].rsplit(":", 1)[1])
    assert {53, upstream} == {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_the_sidecar():
    """Reached from its own pod alone, started before the service and ended behind it."""
    assert ini_of("sidecar.yaml")[1]["listen"].startswith("127.0.0.1:")
    container, = silogates("sidecar.yaml")
    assert container in pod_of("sidecar.yaml")["spec"]["initContainers"] and container["restartPolicy"] == "Always"
    assert "startupProbe" in container


def test_calls_in_the_comments_exist():
    """The image has what it is told to run: there is no kill in it."""
    called = re.findall(r"(?m)kubectl exec \S+ -- (.*)$", (FOLDER / "silogate.yaml").read_text())
    assert called == ["silogate ctl reload"]


@pytest.mark.parametrize("number, good", [("0", True), ("63", True), ("64", False), ("silogate-3", False),
                                          (None, False)])
def test_a_number_for_each_replica(tmp_path, number, good):
    """As the comment says it: by the environment, out of the pod's index."""
    comment = (FOLDER / "silogate.yaml").read_text()
    line, = re.findall(r"`(instance = \$\{\w+\})`", comment)
    variable = re.search(r"\{(\w+)\}", line)[1]
    block = "\n".join(one[2:] for one in comment.splitlines() if one.startswith("#   "))
    entry, = build(yaml.safe_load(block)["env"], "list[V1EnvVar]", "env")
    assert entry.name == variable
    assert entry.value_from.field_ref.field_path == "metadata.labels['apps.kubernetes.io/pod-index']"
    (tmp_path / "proxy.ini").write_text(ini_of("silogate.yaml")[0].replace("[proxy]\n", f"[proxy]\n{line}\n"))
    environment = {name: value for name, value in os.environ.items() if name != variable}
    environment |= {variable: number} if number else {}
    done = subprocess.run([places.SILOGATE, "check", "-c", tmp_path / "proxy.ini"], capture_output=True, text=True,
                          timeout=60, env=environment)
    assert (done.returncode == 0) == good, done
    assert good or done.stderr.startswith(f"{tmp_path}/proxy.ini:2: instance = ")
