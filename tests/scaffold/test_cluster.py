"""What is planned for Kubernetes: the route in, who is believed, variables, the version, and who holds the replicas."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from asgictl.scaffold.detect import detect
from asgictl.scaffold.detect.notes import target_notes
from asgictl.scaffold.project import Migrations
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.write import compare
from tests.conftest import linux
from tests.scaffold.conftest import Lay, run
from tests.scaffold.test_planned import project, text

STATE = "app.py:7, Socket.IO"
ALEMBIC = Migrations(("alembic", "upgrade", "head"), "alembic.ini")


def documents(found: Any = None, **options: Any) -> dict[str, Any]:
    """Return the documents of the manifest by their kinds."""
    return {it["kind"]: it for it in yaml.safe_load_all(text("k8s.yaml", found, **options))}


def container(**options: Any) -> dict[str, Any]:
    """Return the container that serves."""
    (web,) = documents(**options)["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(web)


NGINX = "nginx.ingress.kubernetes.io"
TIMEOUTS = {f"{NGINX}/proxy-read-timeout": "3600", f"{NGINX}/proxy-send-timeout": "3600"}
STICKY = {f"{NGINX}/affinity": "cookie", f"{NGINX}/affinity-mode": "persistent"}
ANNOTATIONS = [
    ({}, {}, None),
    ({"websockets": True, "affinity": STATE}, {}, None),
    ({"websockets": True, "affinity": STATE}, {"ingress_class": "other"}, None),
    ({}, {"ingress_class": "nginx"}, None),
    ({"websockets": True}, {"ingress_class": "nginx"}, TIMEOUTS),
    ({"affinity": STATE}, {"ingress_class": "nginx"}, STICKY),
    ({"websockets": True, "affinity": STATE}, {"ingress_class": "nginx"}, {**TIMEOUTS, **STICKY}),
    ({"websockets": True, "affinity": STATE}, {"ingress_class": "traefik"}, None),
]


@pytest.mark.parametrize(("fields", "options", "annotations"), ANNOTATIONS)
def test_the_ingress(fields: dict[str, Any], options: dict[str, Any], annotations: dict[str, str] | None) -> None:
    """An Ingress is the default class's unless one is named, and has annotations for the class that reads them."""
    ingress = documents(project(**fields), domain="a.b", **options)["Ingress"]

    assert ingress["metadata"] == {"name": "shop", **({"annotations": annotations} if annotations else {})}
    assert ingress["spec"] == {
        **({"ingressClassName": options["ingress_class"]} if options else {}),
        "tls": [{"hosts": ["a.b"], "secretName": "shop-tls"}],
        "rules": [
            {
                "host": "a.b",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "shop", "port": {"name": "http"}}},
                        }
                    ]
                },
            }
        ],
    }


@pytest.mark.parametrize("affinity", [STATE, None])
@pytest.mark.parametrize("ingress_class", ["traefik", "nginx", None])
def test_a_client_stays_behind_traefik(affinity: str | None, ingress_class: str | None) -> None:
    """Traefik reads of a cookie at the Service; only where state is kept."""
    service = documents(project(affinity=affinity), ingress_class=ingress_class)["Service"]

    sticky = {"traefik.ingress.kubernetes.io/service.sticky.cookie": "true"}
    wanted = {"annotations": sticky} if affinity and ingress_class == "traefik" else {}
    assert service["metadata"] == {"name": "shop", **wanted}


@pytest.mark.parametrize(
    ("gateway", "parent"),
    [("public", {"name": "public"}), ("infra/public", {"name": "public", "namespace": "infra"})],
)
def test_a_gateway(gateway: str, parent: dict[str, str]) -> None:
    """With a Gateway there is an HTTPRoute to the Service, of the Gateway API's standard channel, and no Ingress."""
    found = documents(gateway=gateway, domain="a.b")

    assert "Ingress" not in found
    assert found["HTTPRoute"] == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [parent],
            "hostnames": ["a.b"],
            "rules": [{"backendRefs": [{"name": "shop", "port": found["Service"]["spec"]["ports"][0]["port"]}]}],
        },
    }


def test_who_gets_in() -> None:
    """Where the proxy's namespace is known nobody else reaches the app's port; else there is no policy."""
    found = documents(proxy_namespace="ingress-nginx")
    pods = found["Deployment"]["spec"]["template"]["metadata"]["labels"]

    assert found["NetworkPolicy"]["spec"] == {
        "podSelector": {"matchLabels": pods},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
                "ports": [{"port": "http"}],
            }
        ],
    }
    assert "NetworkPolicy" not in documents()


BELIEVED = [
    *(("10.1.2.3", True), ("172.31.0.1", True), ("192.168.0.1", True), ("100.64.0.1", True), ("fd12::1", True)),
    *(("172.32.0.1", False), ("100.128.0.1", False), ("203.0.113.1", False), ("2001:db8::1", False)),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("peer", "believed"), BELIEVED)
async def test_who_is_believed(peer: str, believed: bool) -> None:
    """Who the client is is believed of a pod, of either family, as Uvicorn reads what the manifest says."""
    (trusted,) = (it["value"] for it in container()["env"])
    seen = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["client"][0])

    scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", b"198.51.100.7")]}
    await ProxyHeadersMiddleware(app, trusted_hosts=trusted)(scope, None, None)  # type: ignore[arg-type]

    assert seen == ["198.51.100.7" if believed else peer]


def test_variables() -> None:
    """Variables come from a ConfigMap and a Secret that need not be there, and none of them moves the port."""
    assert container()["envFrom"] == [
        {"configMapRef": {"name": "shop", "optional": True}},
        {"secretRef": {"name": "shop", "optional": True}},
    ]
    assert [it["name"] for it in container()["env"]] == ["FORWARDED_ALLOW_IPS"]
    assert {"name": "PORT", "value": "9000"} in container(port_env="PORT", port=9000)["env"]
    pod = documents()["Deployment"]["spec"]["template"]["spec"]
    assert (pod["enableServiceLinks"], "imagePullSecrets" in pod) == (False, False)
    create = "kubectl create secret generic shop --from-env-file=.env --dry-run=client -o yaml | kubectl apply -f -"
    assert f"#   {create}\n" in text("kustomization.yaml")


SCALED = [
    ({}, {}, None, (2, 6)),
    ({}, {"replicas": 1}, None, (1, 3)),
    ({"affinity": STATE}, {}, None, (2, 6)),
    ({"affinity": STATE}, {"replicas": 1}, 1, None),
    ({}, {"replicas": 1, "volume": ("data:/data",)}, 1, None),
]


@pytest.mark.parametrize(("fields", "options", "replicas", "bounds"), SCALED)
def test_who_holds_the_replicas(
    fields: dict[str, Any], options: dict[str, Any], replicas: int | None, bounds: tuple[int, int] | None
) -> None:
    """The autoscaler has the number and the Deployment none; one pod that cannot be two has no autoscaler."""
    found = documents(project(**fields), **options)
    scaler = found.get("HorizontalPodAutoscaler", {}).get("spec")

    assert found["Deployment"]["spec"].get("replicas") == replicas
    assert (scaler and (scaler["minReplicas"], scaler["maxReplicas"])) == bounds


def built(folder: Path, found: Any, version: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Return what `kubectl kustomize` makes of the files, with another version in the one place for it."""
    folder.mkdir(exist_ok=True)
    kustomization = text("kustomization.yaml", found, **options)
    if version:
        kustomization = kustomization.replace('"1.0.0"', f'"{version}"')
    (folder / "kustomization.yaml").write_text(kustomization)
    (folder / "k8s.yaml").write_text(text("k8s.yaml", found, **options))
    kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert kubectl, "kubectl is among the extras for development"
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


IMAGES = [
    ("shop", {}, None, "shop:1.0.0"),
    ("my-shop", {"image": "registry.example.com/team/shop"}, "2", "registry.example.com/team/shop:2"),
    ("shop", {"image": "localhost:5000/a/shop"}, "3.0.1-rc.1", "localhost:5000/a/shop:3.0.1-rc.1"),
    (f"{'a-' * 31}a", {"pull_secret": "regcred", "gateway": "x/y"}, "0a1b2c3", f"{'a-' * 31}a:0a1b2c3"),
]


@linux
@pytest.mark.parametrize(("name", "options", "version", "image"), IMAGES)
def test_kustomize_takes_the_files(
    tmp_path: Path, name: str, options: dict[str, Any], version: str | None, image: str
) -> None:
    """The tag is in one place; it gets into each image and the name of the Job, which is the only one not served."""
    found = project(name=name, migrations=ALEMBIC)
    kinds = {it["kind"]: it for it in built(tmp_path / "x", found, version, **options)}
    pods = [kinds[kind]["spec"]["template"]["spec"] for kind in ("Deployment", "Job")]

    assert [it["image"] for pod in pods for it in pod["containers"]] == [image, image]
    wanted = [{"name": "regcred"}] if "pull_secret" in options else None
    assert [pod.get("imagePullSecrets") for pod in pods] == [wanted, wanted]
    job = kinds["Job"]["metadata"]["name"]
    assert job == f"{name[:40].rstrip('-')}-migrate-{image.rpartition(':')[2]}"
    assert len(job) <= 63
    # What the first of the documented commands applies, `-l app.kubernetes.io/component!=web`, is all but the pods.
    web = [kind for kind, it in kinds.items() if it["metadata"].get("labels", {}).get("app.kubernetes.io/component")]
    assert web == ["Deployment"]
    plain = {it["kind"] for it in built(tmp_path / "y", project(name=name), version, **options)}
    assert plain == kinds.keys() - {"Job"}


def test_a_version_that_was_set(tmp_path: Path) -> None:
    """The version in kustomization.yaml is the user's to set: the file stays ours, and an update keeps it."""
    request = ScaffoldRequest(targets="k8s")
    planned = [it for it in _planned(request) if it.path == "kustomization.yaml"]
    file = tmp_path / "kustomization.yaml"
    file.write_text(planned[0].text.replace('"1.0.0"', "v2"))

    assert [it.state for it in compare.compare(tmp_path, planned)] == ["same"]
    (change,) = compare.compare(tmp_path, _planned(request._replace(image="r.example/shop"))[1:])
    assert (change.state, b"- name: r.example/shop\n  newTag: v2\n" in change.content) == ("update", True)
    file.write_bytes(change.content)
    assert [it.state for it in compare.compare(tmp_path, planned)] == ["update"]
    file.write_text(file.read_text().replace("resources:", "namespace: x\nresources:"))
    assert [it.reason for it in compare.compare(tmp_path, planned)] == ["edited since it was written"]


def _planned(request: ScaffoldRequest) -> Any:
    from asgictl.scaffold import plan

    return plan.plan(project(), request)


DOMAIN = "the Ingress is for app.example.com: pass --domain"
IMAGE = "a cluster takes the image from Docker Hub unless its name says another registry: pass --image"
POLICY = (
    "every pod of the cluster reaches the app, and is believed for a proxy: pass --proxy-namespace, where that runs, "
    "for a NetworkPolicy"
)
NOTES = [
    ({"targets": "docker"}, []),
    ({}, [DOMAIN, IMAGE, POLICY]),
    ({"gateway": "x"}, [DOMAIN.replace("Ingress", "HTTPRoute"), IMAGE, POLICY]),
    ({"domain": "a.b", "image": "r.example/x", "proxy_namespace": "x"}, []),
]


@pytest.mark.parametrize(("options", "said"), NOTES)
def test_notes(lay: Lay, options: dict[str, Any], said: list[str]) -> None:
    """What a cluster has to be told is asked for by the option's name."""
    root = lay({"requirements.txt": "fastapi\nuvicorn==0.30\n"})
    told = detect(ScaffoldRequest(**{"targets": "docker,k8s", "runner": "uvicorn", **options}), root).notes

    assert [note for note in told if "0.30" not in note] == said
    assert any("update it to 0.31" in note for note in told) is (options.get("targets") != "docker")


@pytest.mark.parametrize(
    ("locked", "told"), [("0.30.6", True), ("0.9", True), ("0.31.0", False), ("x", False), (None, False)]
)
def test_a_uvicorn_that_knows_no_networks(locked: str | None, told: bool) -> None:
    """An old uvicorn would take the proxy for the client, which is said with the version that does not."""
    known = ScaffoldRequest(targets="k8s", domain="a.b", image="x/y", proxy_namespace="x")
    note = (
        f"uvicorn {locked} knows no networks in FORWARDED_ALLOW_IPS, and so takes the proxy for the client: "
        "update it to 0.31"
    )

    assert list(target_notes.of_cluster(known, None, websockets=False, uvicorn=locked)) == ([note] if told else [])


STAYS = f"{STATE}: a client has to stay with its pod"
BY_PROXY = f"{STAYS}, and how depends on the proxy: pass --ingress-class nginx or traefik, or --replicas 1"
BY_GATEWAY = (
    f"{STAYS}, for which the Gateway API has `sessionPersistence` in its experimental channel only: pass "
    "--ingress-class, or --replicas 1"
)
SILENT = "nginx cuts WebSockets that are silent for a minute: pass --ingress-class nginx if it is the proxy"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, [BY_PROXY]),
        ({"replicas": 1}, [SILENT]),
        ({"ingress_class": "haproxy"}, [BY_PROXY]),
        ({"ingress_class": "nginx"}, []),
        ({"ingress_class": "traefik"}, []),
        ({"gateway": "x"}, [BY_GATEWAY]),
        ({"gateway": "x", "replicas": 1}, []),
        ({"replicas": 1, "ingress_class": "haproxy"}, []),
        ({"targets": "compose"}, []),
    ],
)
def test_notes_on_clients_that_stay(options: dict[str, Any], said: list[str]) -> None:
    """Where no file can keep a client with its pod, or a WebSocket open, that is said."""
    known = {"targets": "k8s", "domain": "a.b", "image": "x/y", "proxy_namespace": "x"}
    request = ScaffoldRequest(**{**known, **options})

    assert list(target_notes.of_cluster(request, STATE, websockets=True)) == said
    assert list(target_notes.of_cluster(request, None, websockets=False)) == []


def test_the_name_of_an_image_is_told_once() -> None:
    """A stack and a manifest that both need the image's registry are told in one note."""
    both = ScaffoldRequest(targets="swarm,k8s", domain="a.b", proxy_namespace="x")

    assert list(target_notes.of_cluster(both, None, websockets=False)) == []


def test_a_client_that_has_to_stay_is_found(lay: Lay) -> None:
    """An app that keeps a client's state gets the note with the place, and an Ingress that leads the client back."""
    source = "import socketio\nsio = socketio.AsyncServer(async_mode='asgi')\napp = socketio.ASGIApp(sio)\n"
    root = lay({"requirements.txt": "python-socketio\n", "app.py": source}, None)
    known = ScaffoldRequest(targets="k8s", domain="a.b", image="x/y", proxy_namespace="x", ingress_class="haproxy")

    found = detect(known, root)

    place = found.affinity
    assert place
    assert f"{place}{BY_PROXY.removeprefix(STATE)}" in found.notes
    assert documents(found, ingress_class="nginx")["Ingress"]["metadata"]["annotations"].items() >= STICKY.items()


def deploys(kustomization: str) -> str:
    """Return the command that migrates and deploys, which is one line."""
    (line,) = re.findall(r"(?m)^#   (.*component!=web.*&& kubectl apply -k \.)$", kustomization)
    return str(line)


@linux
@pytest.mark.parametrize(
    ("ends", "asked", "status"),
    [
        ("complete", ["apply", "wait complete", "apply"], 0),
        ("failed", ["apply", "wait complete", "wait failed", "logs"], 1),
        ("never", ["apply", *["wait complete", "wait failed"] * 180, "logs"], 1),
        ("unapplied", ["apply", "logs"], 1),
    ],
)
def test_the_wait_for_migrations_ends(tmp_path: Path, ends: str, asked: list[str], status: int) -> None:
    """A new version follows migrations that succeed; where they fail, the command ends at once, with their log."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"""#!/bin/sh
        case "$1 $2" in wait*) said="wait ${{2#--for=condition=}}" ;; *) said=$1 ;; esac
        echo "$said" >>{tmp_path}/asked
        case "$said {ends}" in
            "apply unapplied") exit 1 ;;
            apply*) echo service/shop && echo job.batch/shop-migrate-1.0.0 ;;
            "wait {ends} {ends}") [ "$4" = job.batch/shop-migrate-1.0.0 ] ;;
            wait*) echo timed out >&2 && exit 1 ;;
            logs*) echo "no such column" ;;
        esac
        """
    )
    kubectl.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    command = deploys(text("kustomization.yaml", project(migrations=ALEMBIC)))
    done = subprocess.run(["sh", "-c", command], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (status, "")
    assert (tmp_path / "asked").read_text().splitlines() == asked
    assert ("no such column" in done.stdout) == bool(status)


def test_migrations_where_the_volume_is() -> None:
    """A volume of one node is mounted by the Job where the app has it; one of several nodes leaves the Job free."""
    found = project(name="a" * 63, migrations=ALEMBIC)

    def pod(**options: Any) -> dict[str, Any]:
        job: dict[str, Any] = documents(found, **options)["Job"]["spec"]["template"]
        return job

    alone = pod(volume=("data:/data",), replicas=1)
    (term,) = alone["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {
            "matchExpressions": [
                {
                    "key": "app.kubernetes.io/name",
                    "operator": "In",
                    "values": ["a" * 63, f"{'a' * 40}-migrate"],
                }
            ]
        },
    }
    # Its own label is among them, or nothing would be let in before there is an app.
    assert alone["metadata"]["labels"] == {"app.kubernetes.io/name": f"{'a' * 40}-migrate"}
    assert not {"affinity"} & (pod(volume=("data:/data",))["spec"].keys() | pod(replicas=1)["spec"].keys())


def test_the_commands_are_told(project: Path) -> None:
    """The command says where the way to deploy is written, and that takes the migrations first."""
    (project / "alembic.ini").write_text("")
    (project / "requirements.txt").write_text("fastapi\nalembic\n")

    result = run("--for", "k8s", "--domain", "a.b", "--image", "r.example/shop", "--proxy-namespace", "x")

    assert result.stderr.splitlines() == [
        "note: added to --for: docker (there is no `Dockerfile`)",
        "hint: try it: `asgictl scaffold --verify`",
        "hint: deploy it: `kustomization.yaml` begins with the commands",
    ]
    assert deploys((project / "kustomization.yaml").read_text())
    assert run("--for", "k8s", "--ingress-class", "nginx", "--gateway", "x").exit_code == 2
