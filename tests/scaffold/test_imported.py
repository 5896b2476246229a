"""What the app imports, and whether the image would have it; and the lists that lie beside the app."""

from typing import Any

import pytest

from asgictl.errors import ConfigError, StartError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.detect.imported import distributions
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, refused

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
TRIED = "try:\n    import fastapi\nexcept ImportError:\n    raise\n"
FACTORY = "import quart\ndef create_app():\n    return quart.Quart('x')\n"
DJANGO = {
    "site/manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n",
    "site/conf/settings.py": "SECRET_KEY = 'x'\n",
}
SETTINGS_ALONE = {"pyproject.toml": "[tool.ruff]\nline-length = 99\n"}


@pytest.mark.parametrize(
    ("files", "app", "name"),
    [
        (
            {**SETTINGS_ALONE, "src/quartapp/__init__.py": FACTORY, "src/requirements.txt": "quart\n"},
            "src.quartapp:create_app",
            "src/requirements.txt",
        ),
        ({"app/app.py": FASTAPI, "app/requirements.txt": "fastapi\n"}, "app/app.py:app", "app/requirements.txt"),
        (
            {"backend/api/main.py": FASTAPI, "backend/requirements/prod.txt": "fastapi\n"},
            "backend/api/main.py:app",
            "backend/requirements/prod.txt",
        ),
        (
            {"main.py": FASTAPI, "requirements/web.txt": "fastapi\n", "requirements/dev.txt": ""},
            None,
            "requirements/web.txt",
        ),
        ({"main.py": FASTAPI, "requirements_api.txt": "fastapi\n"}, None, "requirements_api.txt"),
        ({**DJANGO, "site/requirements.txt": "django\n"}, None, "site/requirements.txt"),
        ({**DJANGO, "site/requirements/prod.txt": "django\n"}, None, "site/requirements/prod.txt"),
    ],
)
def test_a_list_beside_the_app(lay: Lay, files: dict[str, str], app: str | None, name: str) -> None:
    """A list that lies beside the app, or between it and the root, is found."""
    root = lay(files, None)

    assert found(root, "dependencies", app=app) == ("requirements", name)
    assert detect(ScaffoldRequest(app=app), root).deps.files == (name,)


def test_two_lists(lay: Lay) -> None:
    """Lists that may both be meant are a question, and a production list is the answer without one."""
    root = lay({"requirements/web.txt": "fastapi\n", "requirements/worker.txt": "celery\n"})

    error = refused(root)

    assert error.message == "dependencies may come from 2 lists: `requirements/web.txt`, `requirements/worker.txt`"
    assert error.hint == "choose: --requirements requirements/web.txt or --requirements requirements/worker.txt"
    assert found(root, "dependencies", requirements="requirements/web.txt")[0] == "requirements"
    assert found(lay(LOCKED), "dependencies") == ("uv", "uv.lock")
    (root / "uv.lock").unlink()
    (root / "requirements/production.txt").write_text("fastapi\n")
    assert found(root, "dependencies") == ("requirements", "requirements/production.txt")


def test_another_list_for_production(lay: Lay) -> None:
    """The usual list is told where one for production lies beside it, which it does not include."""
    files = {"requirements.txt": "fastapi\n", "requirements/production.txt": "fastapi\nsentry-sdk\n"}
    root = lay({**files, "main.py": FASTAPI}, None)
    other = "requirements/production.txt"

    assert detect(ScaffoldRequest(), root).notes == (
        f"the image has what `requirements.txt` lists: --requirements {other} takes that list",
    )
    assert detect(ScaffoldRequest(requirements="requirements.txt"), root).notes == ()
    (root / "requirements.txt").write_text(f"-r {other}\n")
    assert detect(ScaffoldRequest(), root).notes == ()


UV = (
    'version = 1\n[[package]]\nname = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "fastapi" }]\n'
    '[[package]]\nname = "fastapi"\nversion = "1"\n'
)
LOCKED = {"uv.lock": UV, "pyproject.toml": '[project]\nname = "x"\n'}
LACKING = [
    (
        {**SETTINGS_ALONE, "main.py": FACTORY},
        "the app needs quart, imported in main.py:1, and no file declares it",
        "write `quart` into requirements.txt, or pass --requirements with the file that has it",
    ),
    (
        {"requirements.txt": "flask\n", "main.py": FASTAPI},
        "the app needs fastapi, imported in main.py:1, and `requirements.txt` does not bring it",
        "add `fastapi` to `requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        DJANGO,
        "the app needs django, and no file declares it",
        "write `django` into requirements.txt, or pass --requirements with the file that has it",
    ),
    (
        {
            "requirements.txt": "flask\n",
            "main.py": f"{TRIED}{FASTAPI}",
        },
        "the app needs fastapi, imported in main.py:2, and `requirements.txt` does not bring it",
        "add `fastapi` to `requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        {**DJANGO, "site/conf/wsgi.py": "application = made()\n", "site/requirements.txt": "celery\n"},
        "the app needs django, and `site/requirements.txt` does not bring it",
        "add `django` to `site/requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        {**DJANGO, "site/requirements.txt": "celery\n"},
        "the app needs django, and `site/requirements.txt` does not bring it",
        "add `django` to `site/requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        {"requirements.txt": "fastapi\n", "main.py": "import socketio\napp = socketio.ASGIApp(None)\n"},
        "the app needs socketio (python-socketio), imported in main.py:1, and `requirements.txt` does not bring it",
        "add `python-socketio` to `requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        {**LOCKED, "main.py": FASTAPI + "import sklearn.svm\n"},
        "the app needs sklearn (scikit-learn), imported in main.py:3, and `uv.lock` does not bring it",
        "add `scikit-learn` to the dependencies and lock again",
    ),
    (
        {**LOCKED, "main.py": f"{FASTAPI}from api import users\n", "api/users.py": "\nimport sqlalchemy\n"},
        "the app needs sqlalchemy, imported in api/users.py:2, and `uv.lock` does not bring it",
        "add `sqlalchemy` to the dependencies and lock again",
    ),
    (
        {**LOCKED, "api/__init__.py": "", "api/main.py": f"{FASTAPI}from . import db\n", "api/db.py": "import redis\n"},
        "the app needs redis, imported in api/db.py:1, and `uv.lock` does not bring it",
        "add `redis` to the dependencies and lock again",
    ),
]


@pytest.mark.parametrize(("files", "message", "hint"), LACKING)
def test_an_image_that_could_not_start(lay: Lay, files: dict[str, str], message: str, hint: str) -> None:
    """An image without what the app imports is an error with the place, and what would bring it."""
    root = lay(files, None)

    error = refused(root, app="api.main:app" if "api/main.py" in files else None)

    assert isinstance(error, ConfigError)
    assert (error.message, error.hint, error.option) == (message, hint, "requirements")


def test_what_relatives_may_bring(lay: Lay) -> None:
    """What only a dependency from the same house can bring is a note, for nothing here tells what that brings."""
    listed = '[project]\nname = "shop-web"\ndependencies = ["shop.core[x]==1", "shop-ui"]\n'
    root = lay({"pyproject.toml": listed, "main.py": FASTAPI}, None)

    assert detect(ScaffoldRequest(), root).notes == (
        "the app needs fastapi, imported in main.py:1, which only shop-core can bring: --verify shows whether it does",
    )


ENOUGH = [
    ({"requirements.txt": "stac-fastapi-api\n", "main.py": FASTAPI}, {}),
    ({"requirements.txt": "", "main.py": APP}, {}),
    ({"requirements.txt": "fastapi\n", "main.py": f"import starlette\nimport uvicorn\n{FASTAPI}"}, {}),
    ({"requirements.txt": "python-socketio\n", "main.py": "import socketio\napp = socketio.ASGIApp(None)\n"}, {}),
    ({"requirements.txt": "flask-login\n", "main.py": "import flask\napp = flask.Flask('x')\n"}, {}),
    ({"requirements.txt": "-e lib\n", "main.py": FASTAPI}, {}),
    ({"requirements.txt": "fastapi\n", "main.py": f"{FASTAPI}import of_somebody, yaml\n"}, {}),
    ({**LOCKED, "main.py": f"{FASTAPI}import of_somebody\n"}, {}),
    ({**LOCKED, "main.py": f"{FASTAPI}try:\n    import redis\nexcept ImportError: ...\n"}, {}),
    ({**LOCKED, "main.py": f"{FASTAPI}def later():\n    import redis\n"}, {}),
    ({**LOCKED, "main.py": f"{FASTAPI}if 0:\n    import redis\n"}, {}),
    ({**LOCKED, "main.py": f"{FASTAPI}import redis\n", "redis/client.py": ""}, {}),
    ({"main.py": "import uvicorn\nasync def app(scope, receive, send): ...\n"}, {"runner": "uvicorn"}),
]


@pytest.mark.parametrize(("files", "options"), ENOUGH)
def test_an_image_that_may_have_all(lay: Lay, files: dict[str, str], options: dict[str, Any]) -> None:
    """What others bring, what an import can do without, and what nobody can know of is no error."""
    assert detect(ScaffoldRequest(**options), lay(files, None)).app.name == "main:app"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("yaml", ("pyyaml",)),
        ("socketio", ("python-socketio",)),
        ("fastapi", ("fastapi",)),
        ("argon2_cffi", ("argon2-cffi",)),
        ("cv2", ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")),
        ("kafka", ("kafka-python", "kafka-python-ng")),
        ("of_somebody", ()),
    ],
)
def test_the_distribution_of_a_module(module: str, names: tuple[str, ...]) -> None:
    """A module is known by the distributions that have it, where these are known."""
    assert distributions.of(module) == names


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("from aiohttp import web\napp = web.Application()\n", "it has a server of its own: start it with `python "),
        ("import dash\napp = dash.Dash(__name__)\n", "serve the Flask app inside it: `asgictl serve "),
        ("import tornado.web\napp = tornado.web.Application([])\n", "it has a server of its own: start it with "),
    ],
)
def test_a_framework_with_its_own_server(lay: Lay, source: str, hint: str) -> None:
    """What no ASGI server can run is refused by its source, as it is when it is loaded."""
    root = lay({"requirements.txt": "aiohttp\ndash\ntornado\n"}, source)

    for app in (None, "main:app"):
        error = refused(root, app=app)
        assert isinstance(error, StartError)
        assert (error.hint or "").startswith(hint)


WEB = """\
[project]
name = "x"
version = "1"
optional-dependencies.web = ["fastapi>=0.1"]
[dependency-groups]
Serve_it = ["flask"]
"""
UV_WEB = """\
version = 1
[[package]]
name = "x"
source = { virtual = "." }
[package.optional-dependencies]
web = [{ name = "fastapi" }]
[package.dev-dependencies]
Serve_it = [{ name = "flask" }]
[[package]]
name = "fastapi"
version = "1"
[[package]]
name = "flask"
version = "3"
"""
POETRY_WEB = """\
[[package]]
name = "fastapi"
version = "1"
optional = true
groups = ["main"]
markers = "extra == \\"web\\""
[[package]]
name = "flask"
version = "3"
groups = ["Serve_it"]
"""
PDM_WEB = """\
[[package]]
name = "fastapi"
version = "1"
groups = ["web"]
[[package]]
name = "flask"
version = "3"
groups = ["Serve_it"]
"""
FLASK = "import flask\napp = flask.Flask('x')\n"
SELECTED = [
    ({}, {"extra": ("web",)}, {"fastapi"}, "-r pyproject.toml --extra web"),
    ({}, {"group": ("Serve_it",)}, {"flask"}, "-r pyproject.toml --group Serve_it"),
    ({"uv.lock": UV_WEB}, {"extra": ("web",)}, {"fastapi"}, "uv sync --locked --no-install-project --extra web"),
    (
        {"uv.lock": UV_WEB},
        {"extra": ("web",), "group": ("Serve_it",)},
        {"fastapi", "flask"},
        "uv sync --locked --no-install-project --extra web --group Serve_it",
    ),
    ({"poetry.lock": POETRY_WEB}, {"extra": ("web",)}, {"fastapi"}, "poetry install --only main --extras web "),
    ({"poetry.lock": POETRY_WEB}, {"group": ("Serve_it",)}, {"flask"}, "poetry install --only main,Serve_it "),
    ({"pdm.lock": PDM_WEB}, {"extra": ("web",)}, {"fastapi"}, "pdm export --prod --group web "),
    ({"pdm.lock": PDM_WEB}, {"group": ("Serve_it",)}, {"flask"}, "pdm export --group Serve_it "),
    (
        {"Pipfile": "", "Pipfile.lock": '{"web": {"flask": {}}}'},
        {"group": ("web",), "deps": "pipenv"},
        {"flask"},
        'pipenv install --deploy --ignore-pipfile --categories "packages web"',
    ),
]


@pytest.mark.parametrize(("files", "options", "names", "command"), SELECTED)
def test_extras_and_groups(
    lay: Lay, files: dict[str, str], options: dict[str, Any], names: set[str], command: str
) -> None:
    """Extras and groups that are asked for are installed by each tool, and count as what the image has."""
    root = lay({"pyproject.toml": WEB, "main.py": FASTAPI if "fastapi" in names else FLASK, **files}, None)

    project = detect(ScaffoldRequest(**options), root)

    assert project.deps.pinned.keys() == names
    assert command in plan(project, ScaffoldRequest(**options))[0].text


@pytest.mark.parametrize("files", [{}, {"uv.lock": UV_WEB}, {"poetry.lock": POETRY_WEB}])
@pytest.mark.parametrize(("source", "option"), [(FASTAPI, "--extra web"), (FLASK, "--group Serve_it")])
def test_what_would_bring_it(lay: Lay, files: dict[str, str], source: str, option: str) -> None:
    """Where an extra or a group has what the app imports, the error names the option that installs it."""
    assert refused(lay({"pyproject.toml": WEB, **files}, source)).hint == f"pass {option}, which has it"


@pytest.mark.parametrize(
    ("files", "options", "message", "hint"),
    [
        ({"pyproject.toml": WEB}, {"extra": ("wbe",)}, "there is no extra `wbe`", "there are: web"),
        (LOCKED, {"group": ("x",)}, "there is no group `x`", "drop --group: the project has none"),
        (
            {"requirements.txt": "fastapi\n"},
            {"extra": ("web",), "deps": "requirements"},
            "`--extra` does not go with dependencies from requirements",
            "drop --extra, or choose with --deps",
        ),
    ],
)
def test_an_extra_that_is_not_there(
    lay: Lay, files: dict[str, str], options: dict[str, Any], message: str, hint: str
) -> None:
    """An extra or a group that the project does not have is an error with those that it has."""
    error = refused(lay(files), **options)

    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize("option", ["extra", "group"])
def test_an_extra_that_is_no_name(lay: Lay, option: str) -> None:
    """What is no name of an extra is refused: it would be words of a command."""
    request: dict[str, Any] = {option: ("a && b",)}

    assert refused(lay({"pyproject.toml": WEB}), **request).message == (
        f"`--{option} a && b` is not a name of letters, digits and `. _ -`, the first and the last a letter or a digit"
    )


def test_an_import_from_above_everything(lay: Lay) -> None:
    """A relative import that leads out of the file system is no file of the project's, and no error here."""
    root = lay({"requirements.txt": "fastapi\n"}, f"{APP}from {'.' * 99}x import y\n")

    assert detect(ScaffoldRequest(), root).app.name == "main:app"
