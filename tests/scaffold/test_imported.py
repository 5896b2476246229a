"""What the app imports, and whether the image would have it; and the lists that lie beside the app."""

from typing import Any

import pytest

from asgictl.errors import ConfigError, StartError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.detect.imported import distributions
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found, refused

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "import quart\ndef create_app():\n    return quart.Quart('x')\n"
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
        {"requirements.txt": "fastapi\n", "main.py": "import socketio\napp = socketio.ASGIApp(None)\n"},
        "the app needs socketio (python-socketio), imported in main.py:1, and `requirements.txt` does not bring it",
        "add `python-socketio` to `requirements.txt`, or pass --requirements with the file that has it",
    ),
    (
        {**LOCKED, "main.py": FASTAPI + "import sklearn.svm\n"},
        "the app needs sklearn (scikit-learn), imported in main.py:3, and `uv.lock` does not bring it",
        "add `scikit-learn` to the dependencies and lock again, or pass the --extra or --group that has it",
    ),
    (
        {**LOCKED, "main.py": f"{FASTAPI}from api import users\n", "api/users.py": "\nimport sqlalchemy\n"},
        "the app needs sqlalchemy, imported in api/users.py:2, and `uv.lock` does not bring it",
        "add `sqlalchemy` to the dependencies and lock again, or pass the --extra or --group that has it",
    ),
    (
        {**LOCKED, "api/__init__.py": "", "api/main.py": f"{FASTAPI}from . import db\n", "api/db.py": "import redis\n"},
        "the app needs redis, imported in api/db.py:1, and `uv.lock` does not bring it",
        "add `redis` to the dependencies and lock again, or pass the --extra or --group that has it",
    ),
]


@pytest.mark.parametrize(("files", "message", "hint"), LACKING)
def test_an_image_that_could_not_start(lay: Lay, files: dict[str, str], message: str, hint: str) -> None:
    """An image without what the app imports is an error with the place, and what would bring it."""
    root = lay(files, None)

    error = refused(root, app="api.main:app" if "api/main.py" in files else None)

    assert isinstance(error, ConfigError)
    assert (error.message, error.hint, error.option) == (message, hint, "requirements")


ENOUGH = [
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
