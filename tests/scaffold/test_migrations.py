"""Migrations run once for each version: what is found of them, and where they are written."""

import re
from typing import Any

import pytest
import yaml

from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.project import Migrations
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, run

DJANGO = {
    "requirements.txt": "django\n",
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n",
    "conf/__init__.py": "",
    "conf/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "conf/settings.py": "M = 'whitenoise'\nDATABASES = {'default': x}\n",
}
MANAGE = Migrations(("python", "manage.py", "migrate", "--noinput"), "manage.py")
FASTAPI = {"requirements.txt": "fastapi\nalembic\n", "main.py": APP}
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FOUND: list[tuple[dict[str, str], Migrations | None]] = [
    (DJANGO, MANAGE),
    ({**DJANGO, "conf/settings.py": "DATABASES['default'] = env.db()\n"}, MANAGE),
    ({**DJANGO, "conf/settings.py": "DATABASES = {}\n"}, None),
    ({**DJANGO, "conf/settings.py": ""}, None),
    (
        {f"src/{name}" if name != "requirements.txt" else name: text for name, text in DJANGO.items()},
        Migrations(("python", "src/manage.py", "migrate", "--noinput"), "src/manage.py"),
    ),
    ({**FASTAPI, "alembic.ini": ""}, Migrations(("alembic", "upgrade", "head"), "alembic.ini")),
    (
        {**FASTAPI, "pyproject.toml": "[tool.alembic]\nscript_location = 'migrations'\n"},
        Migrations(("alembic", "upgrade", "head"), "pyproject.toml"),
    ),
    (FASTAPI, None),
    ({"requirements.txt": "fastapi\n", "main.py": APP, "migrations/alembic.ini": ""}, None),
    (
        {"requirements.txt": "flask\nflask-migrate\n", "main.py": FLASK, "migrations/alembic.ini": ""},
        Migrations(("flask", "--app", "main:app", "db", "upgrade"), "migrations/alembic.ini"),
    ),
]


@pytest.mark.parametrize(("files", "migrations"), FOUND)
def test_what_migrates(lay: Lay, files: dict[str, str], migrations: Migrations | None) -> None:
    """The command is that of the project's own tool, and the answer says which file tells of it."""
    root = lay(files, None)
    project = detect(ScaffoldRequest(), root)

    assert project.migrations == migrations
    if migrations:
        assert found(root, "migrations") == (" ".join(migrations.command), migrations.source)


def test_what_cannot_migrate(lay: Lay) -> None:
    """Where the image cannot migrate, a note says why, and nothing is written that would fail."""
    project = detect(ScaffoldRequest(), lay({"requirements.txt": "fastapi\n", "main.py": APP, "alembic.ini": ""}, None))

    note = "alembic.ini is about migrations, and no file declares alembic: the image will not have it"
    assert (project.migrations, project.notes) == (None, (note,))


def written(lay: Lay, files: dict[str, str], name: str) -> str:
    """Return a planned file."""
    project = detect(ScaffoldRequest(), lay(files, None))
    return next(
        file.text
        for file in plan(project, ScaffoldRequest(targets="all", volume=("data:/app/data",)))
        if file.path == name
    )


def test_in_compose(lay: Lay) -> None:
    """Compose has a service for it, which is as locked down as the server, and starts only when it is asked to."""
    services: Any = yaml.safe_load(written(lay, DJANGO, "compose.yaml"))["services"]

    assert services["migrate"] == {
        "extends": {"service": "web"},
        "profiles": ["migrate"],
        "command": list(MANAGE.command),
        "restart": "no",
        "healthcheck": {"disable": True},
    }


def test_in_kubernetes(lay: Lay) -> None:
    """Kubernetes runs it as a Job, with the image, the user, the limits and the volumes of the server."""
    documents = list(yaml.safe_load_all(written(lay, DJANGO, "k8s.yaml")))
    job = next(it for it in documents if it["kind"] == "Job")
    deployment = next(it for it in documents if it["kind"] == "Deployment")
    pod, server = job["spec"]["template"]["spec"], deployment["spec"]["template"]["spec"]
    (container,), (web,) = pod["containers"], server["containers"]

    assert (job["metadata"]["name"], pod["restartPolicy"]) == ("shop-migrate-tag", "Never")
    assert container["command"] == list(MANAGE.command)
    assert (pod["securityContext"], pod["volumes"]) == (server["securityContext"], server["volumes"])
    for key in ("image", "imagePullPolicy", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert container[key] == web[key]
    service = next(it for it in documents if it["kind"] == "Service")
    assert service["spec"]["selector"].items().isdisjoint(job["spec"]["template"]["metadata"]["labels"].items())


def test_in_a_unit(lay: Lay) -> None:
    """Systemd runs it when it is told to, and not at each start: as the server is run, in any folder, with patience."""
    files = {**FASTAPI, "alembic.ini": ""}
    service, migrate = (
        re.findall(r"(?m)^\w+=.*$", written(lay, files, name).split("[Service]\n")[1])
        for name in ("shop.service", "shop-migrate@.service")
    )

    assert [line for line in service if line.startswith(("ExecStart", "TimeoutStartSec"))] == [
        "ExecStart=/srv/shop/.venv/bin/asgictl serve main:app --prod",
        "TimeoutStartSec=60",
    ]
    assert migrate[:3] == ["Type=oneshot", "ExecStart=/srv/%i/.venv/bin/alembic upgrade head", "TimeoutStartSec=15min"]
    shared = service[service.index("DynamicUser=yes") : service.index("WantedBy=multi-user.target")]
    assert [line.replace("/srv/%i", "/srv/shop") for line in migrate[3:]] == shared
    assert shared[:3] == ["DynamicUser=yes", "User=shop", "WorkingDirectory=/srv/shop"]
    deploy = "systemctl start shop-migrate@shop-2 && ln -sfT shop-2 /srv/shop && systemctl restart shop"
    assert f"#   {deploy}\n" in written(lay, files, "shop.service")


@pytest.mark.parametrize("name", ["shop", "a" * 63])
def test_a_user_for_the_unit(lay: Lay, name: str) -> None:
    """The server and its migrations share the user whose volumes they write, under a name that systemd takes."""
    project = detect(ScaffoldRequest(name=name), lay({**FASTAPI, "alembic.ini": ""}, None))
    units = [it.text for it in plan(project, ScaffoldRequest(targets="systemd")) if it.path.endswith(".service")]

    assert [re.findall(r"(?m)^User=(.*)$", unit) for unit in units] == [[name[:31]]] * 2


@pytest.mark.parametrize("name", ["compose.yaml", "k8s.yaml", "kustomization.yaml", "shop.service"])
def test_without_migrations(lay: Lay, name: str) -> None:
    """A project without a database has nothing of it."""
    assert "migrat" not in written(lay, FASTAPI, name)


def test_the_command_is_told(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says how to run it, before it says how to start the server."""
    monkeypatch.chdir(lay(DJANGO, None))

    assert run().stderr.splitlines()[-2:] == [
        "hint: bring the database up to date: `docker compose run --build --rm migrate`",
        "hint: start it: `docker compose up --build --wait`",
    ]
