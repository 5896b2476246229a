"""A project that shares its repository with others: the lock above, the member alone, and names that are private."""

from typing import Any

import pytest
import yaml

from asgictl.errors import ConfigError, FileProblemError
from asgictl.scaffold import lint
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest
from tests import answers
from tests.scaffold.conftest import APP, Lay, found, refused, run

MEMBER = '[project]\nname = "{name}"\nversion = "1"\ndependencies = ["fastapi", "acme-core"]\n'
BUILT = '[build-system]\nrequires = ["hatchling"]\n'
ROOT = (
    '[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\nexclude = ["services/old"]\n'
    "[tool.uv.sources]\nacme-core = { workspace = true }\n"
)
LOCK = """\
version = 1
[[package]]
name = "acme-api"
source = { editable = "services/api" }
dependencies = [{ name = "acme-core" }, { name = "fastapi" }]
[[package]]
name = "acme-web"
source = { virtual = "services/web" }
dependencies = [{ name = "fastapi" }]
[[package]]
name = "acme-core"
source = { editable = "libs/core" }
[[package]]
name = "fastapi"
version = "0.120"
"""
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n"
FILES = {
    ".git/HEAD": "",
    "pyproject.toml": ROOT,
    "uv.lock": LOCK,
    "libs/core/pyproject.toml": '[project]\nname = "Acme_Core"\nversion = "1"\n',
    "services/api/pyproject.toml": MEMBER.format(name="acme-api") + BUILT,
    "services/api/src/acme_api/__init__.py": "",
    "services/api/src/acme_api/main.py": APP,
    "services/web/pyproject.toml": MEMBER.format(name="acme-web"),
    "services/web/main.py": APP,
    "services/old/pyproject.toml": MEMBER.format(name="acme-old"),
    "services/old/main.py": APP,
}


def text_of(project: Project, name: str, **options: Any) -> str:
    """Return the text of one of the planned files."""
    return next(file.text for file in plan(project, ScaffoldRequest(**options)) if file.path == name)


def steps(project: Project, **options: Any) -> list[str]:
    """Return the lines of the Dockerfile that copy and install, without where caches are mounted."""
    lines = text_of(project, "Dockerfile", **options).splitlines()
    return [
        line.strip()
        for line in lines
        if line.strip().startswith(("COPY", "WORKDIR", "uv ", "poetry", "pdm ", "pip --python", "&&"))
    ]


SERVER = '&& uv pip install --python /opt/venv "asgictl==${ASGICTL_VERSION}"'
LINK = [
    "&& useradd --non-unique --no-log-init --uid 10001 --gid 10001 \\",
    "&& python -m compileall -q -j 0 -x '/(idlelib|lib2to3|site-packages|test)/' \\",
    "COPY --from=build /opt/venv /opt/venv",
    "WORKDIR /app",
]


def test_a_member_of_a_workspace(lay: Lay) -> None:
    """The image has the member with the versions of the lock above, and is built from the workspace's folder."""
    root = lay(FILES, None)

    project = detect(ScaffoldRequest(), root / "services/api")

    assert (project.root, project.context, project.package) == (root / "services/api", root, True)
    assert project.deps.pinned == {"acme-api": None, "acme-core": None, "fastapi": "0.120"}
    assert steps(project) == [
        "WORKDIR /src",
        "COPY pyproject.toml uv.lock ./",
        "uv sync --frozen --no-install-workspace --package acme-api \\",
        SERVER,
        "COPY . .",
        "uv sync --locked --no-editable --inexact --package acme-api",
        *LINK[:-1],
        "COPY services/api /app",
        LINK[-1],
    ]
    assert text_of(project, "compose.yaml").splitlines()[5:9] == [
        "    build:",
        "      context: ../..",
        '      dockerfile: "services/api/Dockerfile"',
        "      target: runtime",
    ]
    assert found(root / "services/api", "dependencies") == ("uv", "../../uv.lock")


def test_what_a_member_opens_and_keeps(lay: Lay) -> None:
    """The ignored files of a member are named as the folder above sees them, and --check has nothing against it."""
    main = APP + "open('docs/terms.txt')\nopen('ca.pem')\n"
    files = {"services/web/main.py": main, "services/web/docs/terms.txt": "x", "services/web/ca.pem": CERTIFICATE}
    root = lay(FILES | files, None) / "services/web"
    request = ScaffoldRequest(volume=("data:/app/data",), index_secret="pw")
    project = detect(request, root)

    planned = {file.path: file.text for file in plan(project, request)}
    lines = planned["Dockerfile.dockerignore"].splitlines()
    for name, text in planned.items():
        (root / name).write_text(text)

    assert lines[lines.index("# on volumes") + 1 : lines.index("# on volumes") + 3] == [
        "services/web/data",
        "!services/web/docs/terms.txt",
    ]
    assert lines[-2:] == ["services/web/pw", "!services/web/ca.pem"]
    names = lint.present(root)
    assert list(lint.problems(root, names, ["services/web/main.py"], project.named, project.context)) == []


def test_a_member_that_is_a_folder(lay: Lay) -> None:
    """A member without a build system is copied, alone, and what it needs of the workspace is installed."""
    project = detect(ScaffoldRequest(), lay(FILES, None) / "services/web")

    assert (project.package, project.app.name) == (False, "main:app")
    assert steps(project)[-6:] == [
        "uv sync --locked --no-editable --inexact --no-install-project --package acme-web",
        *LINK,
        "COPY services/web .",
    ]


@pytest.mark.parametrize("app", ["services/api/src/acme_api/main.py:app", "services/web/main.py"])
def test_from_the_folder_above(lay: Lay, app: str) -> None:
    """From the root of the workspace the app's own member is the project, and the files are the same."""
    root = lay(FILES, None)
    member = root / "/".join(app.split("/")[:2])

    above = detect(ScaffoldRequest(app=app), root)
    inside = detect(ScaffoldRequest(), member)

    assert above.root == inside.root == member
    assert plan(above, ScaffoldRequest()) == plan(inside, ScaffoldRequest())


def test_what_is_left_out(lay: Lay) -> None:
    """What stays out of an image does so in the member as well, and no other member's list is in the way."""
    project = detect(ScaffoldRequest(), lay({**FILES, "tests/pyproject.toml": ""}, None) / "services/api")

    lines = text_of(project, "Dockerfile.dockerignore").splitlines()

    assert {".git", "tests", "services/api/tests", "services/api/.venv", "**/.env"} <= set(lines)
    assert "services/api/**/.env" not in lines


def test_written_and_checked(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are written beside the member, are sound, and only what the member's own list leaves out is."""
    root = lay({**FILES, ".dockerignore": "services\n"}, None)
    monkeypatch.chdir(root / "services/api")

    written = answers.result(run("--for", "docker,compose", "--json").stdout)
    checked = answers.result(run("--check", "--json").stdout)

    assert written["root"] == str(root / "services/api")
    assert [file["path"] for file in written["files"]] == ["Dockerfile", "Dockerfile.dockerignore", "compose.yaml"]
    assert (checked["drift"], checked["problems"]) == ({}, [])
    (root / "uv.lock").rename(root / "services/uv.lock.old")
    assert "no `uv.lock`" in run("--check").stderr


UNKNOWN = [
    ("api", "uv.lock", None, "`services/api` is in the workspace of `ROOT`, which has no `uv.lock`"),
    (
        "api",
        "uv.lock",
        "version = 1\n",
        "`services/api` is in the workspace of `ROOT`, and its `uv.lock` does not know it",
    ),
]


@pytest.mark.parametrize(("member", "name", "text", "message"), UNKNOWN)
def test_a_lock_that_does_not_do(lay: Lay, member: str, name: str, text: str | None, message: str) -> None:
    """A workspace whose lock is missing, or older than the member, is an error, not a build without a lock."""
    root = lay(FILES, None)
    (root / name).unlink() if text is None else (root / name).write_text(text)

    error = refused(root / "services" / member)

    assert isinstance(error, FileProblemError)
    assert (error.message, error.hint) == (message.replace("ROOT", str(root)), f"run `uv lock` in `{root}`")


def test_nothing_locked_below_a_lock(lay: Lay) -> None:
    """A folder that the lock above does not know is not installed unlocked, unless that is asked for."""
    own = '[project]\nname = "old"\ndependencies = ["fastapi"]\n'
    root = lay({**FILES, "services/old/pyproject.toml": own}, None)

    error = refused(root / "services/old")

    assert isinstance(error, ConfigError)
    assert (
        error.message
        == f"the dependencies in `pyproject.toml` are not locked, and `{root}/uv.lock` does not know this folder"
    )
    assert error.hint == "add it to the workspace there and lock again, or lock it here, or pass --deps pyproject"
    assert detect(ScaffoldRequest(deps="pyproject"), root / "services/old").deps.kind == "pyproject"


INDEX = (
    '[[tool.uv.index]]\nname = "ours"\nurl = "https://i.example"\n[tool.uv.sources]\nacme-core = { index = "ours" }\n'
)
HATCH = '[tool.hatch.envs.default]\nworkspace.members = ["libs/*"]\n'
PRIVATE = [
    ({}, "pyproject", "`libs/core` in `ROOT`"),
    ({"services/old/requirements.txt": "fastapi\nacme_core>=1\n"}, "requirements", "`libs/core` in `ROOT`"),
    ({"pyproject.toml": HATCH}, "pyproject", "`libs/core` in `ROOT`"),
    ({"pyproject.toml": INDEX}, "pyproject", "`tool.uv.sources` in `ROOT/pyproject.toml`"),
]


@pytest.mark.parametrize(("files", "deps", "place"), PRIVATE)
def test_a_private_name(lay: Lay, files: dict[str, str], deps: str, place: str) -> None:
    """A name that the repository defines, or takes from an index of its own, is never asked of a public one."""
    root = lay({**FILES, **files}, None)

    error = refused(root / "services/old", deps=deps)

    problem = f"`acme-core` is in {place}, and would be taken from the index, where it may be a stranger's"
    assert error.message == problem.replace("ROOT", str(root))
    assert error.hint == "lock the workspace with its own tool, like `uv lock`"


def test_a_private_name_with_a_source_of_its_own(lay: Lay) -> None:
    """A name whose source the project's own file says is taken from there, by uv."""
    own = MEMBER.format(name="old") + '[tool.uv.sources]\nacme-core = { git = "https://g.example/core" }\n'
    root = lay({**FILES, "services/old/pyproject.toml": own}, None)

    assert detect(ScaffoldRequest(deps="pyproject"), root / "services/old").deps.git


@pytest.mark.parametrize("tool", ["pdm", "poetry"])
def test_an_index_that_only_a_lock_would_tell(lay: Lay, tool: str) -> None:
    """Where `pyproject.toml` names an index for a tool, nothing is installed without that tool's lock."""
    project = f'[project]\nname = "x"\ndependencies = ["fastapi"]\n[[tool.{tool}.source]]\nurl = "https://i.example"\n'

    error = refused(lay({"pyproject.toml": project}))

    assert error.message == (
        f"`pyproject.toml` names an index for `{tool}` alone, and without its lock all would come from another one"
    )
    assert error.hint == f"run `{tool} lock`"


POETRY_LOCK = (
    '[[package]]\nname = "acme-core"\nversion = "1"\ndevelop = true\n[package.source]\ntype = "directory"\nurl = "{}"\n'
)
PDM_LOCK = '[[package]]\nname = "acme-core"\nversion = "1"\npath = "{}"\n'
LOCKED = {"poetry": POETRY_LOCK, "pdm": PDM_LOCK}
PLAIN = '[project]\nname = "api"\ndependencies = ["fastapi"]\n'


@pytest.mark.parametrize(
    ("tool", "installed"),
    [
        (
            "poetry",
            [
                "poetry install --only main --no-root --compile",
                "pip --python /opt/venv install --no-deps --force-reinstall ./../../libs/core",
            ],
        ),
        ("pdm", ["pdm sync --prod --no-editable --no-self"]),
    ],
)
def test_a_folder_beside_the_project(lay: Lay, tool: str, installed: list[str]) -> None:
    """A lock of the project's own that installs a folder beside it is built from the folder that holds both."""
    files = {"api/svc/pyproject.toml": PLAIN, f"api/svc/{tool}.lock": LOCKED[tool].format("../../libs/core")}
    root = lay({**files, "api/svc/main.py": APP, "libs/core/pyproject.toml": "", ".git/HEAD": ""}, None)

    project = detect(ScaffoldRequest(), root / "api/svc")

    assert (project.context, project.deps.files) == (root, ("api/svc/pyproject.toml", f"api/svc/{tool}.lock"))
    lines = steps(project)
    begin = lines.index("COPY . ./")
    assert lines[begin:] == ["COPY . ./", "WORKDIR /src/api/svc", *installed, *LINK, "COPY api/svc ."]


@pytest.mark.parametrize(
    ("tool", "lock", "installed"),
    [
        (
            "poetry",
            POETRY_LOCK.format("../../core"),
            "pip --python /opt/venv install --no-deps --force-reinstall ./../../core .",
        ),
        ("pdm", PDM_LOCK.format("../../core"), "pdm sync --prod --no-editable"),
        (
            "uv",
            'version = 1\n[[package]]\nname = "acme-core"\nsource = { directory = "../../core" }\n',
            "uv sync --locked --no-editable \\",
        ),
    ],
)
def test_a_package_with_a_folder_beside_it(lay: Lay, tool: str, lock: str, installed: str) -> None:
    """A package whose lock installs a folder beside it is installed along with that, by one command."""
    files = {"a/svc/pyproject.toml": f"{PLAIN}{BUILT}[tool.pdm]\n", f"a/svc/{tool}.lock": lock, ".git/HEAD": ""}
    root = lay({**files, "a/svc/src/api/__init__.py": "", "a/svc/src/api/main.py": APP}, None)

    project = detect(ScaffoldRequest(), root / "a/svc")
    lines = steps(project)

    assert (project.package, project.context) == (True, root)
    assert installed in lines[lines.index("WORKDIR /src/a/svc") :]
    assert lines[-1] == "WORKDIR /app"


@pytest.mark.parametrize("tool", ["poetry", "pdm"])
def test_a_lock_above_that_installs_the_project(lay: Lay, tool: str) -> None:
    """Where the lock of the folder above installs the project from its folder, that one is taken."""
    lock = LOCKED[tool].format("services/api")
    files = {"pyproject.toml": PLAIN, f"{tool}.lock": lock, "services/api/pyproject.toml": PLAIN, ".git/HEAD": ""}
    root = lay({**files, "services/api/main.py": APP}, None)

    project = detect(ScaffoldRequest(), root / "services/api")

    assert (project.context, project.deps.files) == (root, ("pyproject.toml", f"{tool}.lock"))
    assert found(root / "services/api", "dependencies") == (tool, f"../../{tool}.lock")


def test_a_folder_outside_of_the_repository(lay: Lay) -> None:
    """A lock that installs from outside of the repository is an error: no build could have it."""
    root = lay({"pyproject.toml": PLAIN, "poetry.lock": POETRY_LOCK.format("../other"), ".git/HEAD": ""})

    error = refused(root)

    assert (
        error.message == f"the dependencies of `{root}` lie outside of its repository, and so not in a build's context"
    )
    assert error.hint == "install them from an index, or from Git"


def test_settings_of_tools_alone(lay: Lay) -> None:
    """A `pyproject.toml` that only has settings of tools makes no project of its folder."""
    root = lay({"requirements.txt": "fastapi\n", "api/pyproject.toml": "[tool.ruff]\n", "api/main.py": APP}, None)

    project = detect(ScaffoldRequest(), root / "api")

    assert (project.root, project.deps.kind) == (root, "requirements")


def test_the_nearest_lock_below(lay: Lay) -> None:
    """From a folder above, the project is the one with a lock that the app lies in."""
    files = {"api/pyproject.toml": PLAIN, "api/uv.lock": "", "api/main.py": APP, "requirements.txt": "flask\n"}
    root = lay(files, None)

    project = detect(ScaffoldRequest(app="api/main.py:app"), root)

    assert (project.root, project.deps.kind, project.app.name) == (root / "api", "uv", "main:app")


SIBLINGS = [
    ({}, "services/api", ("../../libs/core/src",)),
    ({}, "services/web", ()),
    ({"libs/core/src/__init__.py": ""}, "services/api", ("../../libs/core",)),
    ({"api/uv.lock": LOCK.replace("libs/core", "../libs/core")}, "api", ("../libs/core/src",)),
    ({"api/uv.lock": LOCK.replace("libs/core", "core"), "api/core/acme_core.py": ""}, "api", ("core",)),
    ({"api/poetry.lock": POETRY_LOCK.format("../libs/core")}, "api", ("../libs/core/src",)),
    ({"api/pdm.lock": PDM_LOCK.format("../libs/core")}, "api", ("../libs/core/src",)),
    ({"api/poetry.lock": POETRY_LOCK.format("../libs/core.whl")}, "api", ()),
    (
        {
            "api/requirements.txt": "fastapi\n./core\n-e ./more[x]\n.\n./core/x.whl\n",
            "api/core/a.py": "",
            "api/more/src/b.py": "",
        },
        "api",
        ("core", "more/src"),
    ),
    ({"api/uv.lock": LOCK.replace("libs/core", "../libs/gone")}, "api", ()),
]


@pytest.mark.parametrize(("files", "home", "expected"), SIBLINGS)
def test_libraries_beside_the_project(lay: Lay, files: dict[str, str], home: str, expected: tuple[str, ...]) -> None:
    """Libraries of the repository that the project depends on are known by the folder that they are imported from."""
    own = {"api/pyproject.toml": PLAIN, "api/main.py": APP} if home == "api" else {}
    root = lay({**FILES, **own, "libs/core/src/acme_core.py": "", **files}, None)

    assert detect(ScaffoldRequest(), root / home).siblings == expected


def test_edits_of_a_library(lay: Lay) -> None:
    """An edit of a library beside the project reaches the container: by a mount that comes first, or by a build."""
    root = lay({**FILES, "libs/core/src/acme_core.py": ""}, None)
    project = detect(ScaffoldRequest(), root / "services/api")
    dev, watch = (
        yaml.load(text_of(project, f"compose.{name}.yaml", targets="dev,watch"), Loader=yaml.BaseLoader)["services"]
        for name in ("dev", "watch")
    )

    place = "/siblings/libs/core/src"
    assert dev["web"]["volumes"] == [".:/app", f"../../libs/core/src:{place}:ro"]
    assert dev["web"]["environment"]["PYTHONPATH"] == f"/app/src:/app:{place}"
    assert " ".join(dev["web"]["command"][3:8]) == f"--reload --reload-dir . --reload-dir {place}"
    assert (watch["web"]["environment"]["PYTHONPATH"], watch["web"]["command"][4]) == (
        "/app/src:/app",
        "--graceful-timeout",
    )
    assert {"action": "rebuild", "path": "../../libs/core/src"} in watch["web"]["develop"]["watch"]


def test_a_library_inside_of_the_project(lay: Lay) -> None:
    """One that lies in the project is mounted with it, and comes before the copy that is installed."""
    files = {"poetry.lock": POETRY_LOCK.format("core"), "pyproject.toml": PLAIN, "core/acme_core.py": ""}
    project = detect(ScaffoldRequest(), lay({**files, ".git/HEAD": ""}))
    dev = yaml.load(text_of(project, "compose.dev.yaml"), Loader=yaml.BaseLoader)["services"]["web"]

    assert (dev["volumes"], dev["environment"]["PYTHONPATH"]) == ([".:/app"], "/app/core")
    assert "--reload-dir" not in dev["command"]


def test_a_library_that_is_compiled(lay: Lay) -> None:
    """The source of a compiled library would hide what is installed, so it is not mounted, and that is said."""
    built = '[build-system]\nrequires = ["maturin>=1"]\n'
    root = lay({**FILES, "libs/core/pyproject.toml": built, "libs/core/src/acme_core.py": ""}, None) / "services/api"
    project = detect(ScaffoldRequest(), root)

    assert project.siblings == ()
    assert project.notes == (
        "`../../libs/core/src` is compiled: after an edit there start compose.dev.yaml again, with --build",
    )
    assert detect(ScaffoldRequest(targets="docker"), root).notes == ()
