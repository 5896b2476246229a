"""The environment that asgictl runs in, and the one of the project: what is said, and what would put it right."""

import base64
import hashlib
import json
import os
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl import environment, reading
from tests.conftest import Serve, Write

BARE = "async def app(scope, receive, send): ...\n"
HERE = Path(sys.prefix)
# The tests run an editable installation.
SOURCE = json.loads(metadata.distribution("asgictl").read_text("direct_url.json") or "")["url"].removeprefix("file://")
ITSELF = f"'{SOURCE}[standard]'"


def moved(how: str, prefix: Path, *, by: str | None = None) -> str:
    """Return the sentence that leads from the environment of the tests to the one at `prefix`."""
    python = f"{prefix}/bin/python"
    there = f"`{python} -m ensurepip && {python} -m pip install {ITSELF}`, then `{prefix}/bin/asgictl serve`"
    return f"asgictl runs in `{HERE}`, not in {how}: install and start it there: {by or there}"


def made(folder: Path, name: str = ".venv") -> Path:
    """Make something that looks like a virtual environment."""
    prefix = folder / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text("")
    return prefix


def test_nothing_is_said_of_the_environment_that_is_the_projects(tmp_path: Path) -> None:
    """Without another environment, and in the one that is active, nothing has to be said."""
    assert environment.note(tmp_path, {}) is None
    assert environment.note(tmp_path, {"VIRTUAL_ENV": str(HERE)}) is None


@pytest.mark.parametrize("name", [".venv", "venv", "env"])
def test_an_environment_in_the_project(tmp_path: Path, name: str) -> None:
    """An environment in the project's folder is the project's."""
    prefix = made(tmp_path, name)

    assert environment.note(tmp_path, {}) == moved(f"the project's `{name}`", prefix)


def test_an_environment_above(tmp_path: Path) -> None:
    """So is one in a folder above, up to the repository's root."""
    prefix = made(tmp_path)
    below = tmp_path / "services" / "users"
    below.mkdir(parents=True)
    assert environment.note(below, {}) is None  # nothing says that the folders above belong to the project

    (tmp_path / ".git").mkdir()
    assert environment.note(below, {}) == moved(f"the project's `{prefix}`", prefix)
    (tmp_path / "services" / ".git").mkdir()
    assert environment.note(below, {}) is None


def test_the_active_environment_counts_most(tmp_path: Path) -> None:
    """`VIRTUAL_ENV` and conda's variable come before what lies around; conda's base is not meant for a project."""
    made(tmp_path)
    active = made(tmp_path / "elsewhere")
    said = moved(f"`{active}`, the environment that is active", active)

    assert environment.note(tmp_path, {"VIRTUAL_ENV": str(active)}) == said
    assert environment.note(tmp_path, {"CONDA_PREFIX": str(active), "CONDA_DEFAULT_ENV": "shop"}) == said
    assert environment.note(
        tmp_path / "elsewhere", {"CONDA_PREFIX": str(active), "CONDA_DEFAULT_ENV": "base"}
    ) == moved("the project's `.venv`", active)
    assert environment.note(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "gone")}) == moved(
        "the project's `.venv`", tmp_path / ".venv"
    )


def test_poetry_pdm_and_pipenv_keep_theirs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments that managers keep in caches are found by the names that they give them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    project = tmp_path / "shop"
    project.mkdir()

    def digest(text: str) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:8]

    (project / "poetry.lock").write_text("")
    prefix = made(tmp_path / ".cache/pypoetry/virtualenvs", f"shop-{digest(str(project.resolve()))}-py3.12")
    start = f"`poetry add --group dev {ITSELF}`, then `poetry run asgictl serve`"
    assert environment.note(project, {}) == moved(f"Poetry's `{prefix}`", prefix, by=start)
    (project / "poetry.lock").unlink()

    (project / "Pipfile").write_text("")
    prefix = made(tmp_path / ".local/share/virtualenvs", f"shop-{digest(str((project / 'Pipfile').resolve()))}")
    start = f"`pipenv install --dev {ITSELF}`, then `pipenv run asgictl serve`"
    assert environment.note(project, {}) == moved(f"Pipenv's `{prefix}`", prefix, by=start)
    (project / "Pipfile").unlink()

    prefix = made(tmp_path, "pdms")
    (project / ".pdm-python").write_text(f"{prefix}/bin/python\n")
    (project / "pdm.lock").write_text("")
    start = f"`pdm add -dG dev {ITSELF}`, then `pdm run asgictl serve`"
    assert environment.note(project, {}) == moved(f"PDM's `{prefix}`", prefix, by=start)


LOCKS = {
    "uv.lock": "install it: `uv add 'shop[web]'`",
    "poetry.lock": "install it: `poetry add 'shop[web]'`",
    "pdm.lock": "install it: `pdm add 'shop[web]'`",
    "Pipfile.lock": "install it: `pipenv install 'shop[web]'`",
    "Pipfile": "install it: `pipenv install 'shop[web]'`",
    "requirements.txt": f"install it where asgictl runs: `{sys.executable} -m pip install 'shop[web]'`",
}


@pytest.mark.parametrize("name", LOCKS)
def test_the_projects_own_tool_installs(tmp_path: Path, name: str) -> None:
    """The lock file says which program adds a package, also from a folder below."""
    (tmp_path / name).write_text("")
    below = tmp_path / "src"
    below.mkdir()

    assert environment.installing("shop[web]", below, {}) == LOCKS[name]


@pytest.fixture(autouse=True)
def _no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "which", lambda _: None)


def test_where_there_is_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pip, as uv makes them, is installed into by uv, or gets pip where there is no uv."""
    monkeypatch.setattr(environment, "find_spec", lambda _: None)
    python, begin = sys.executable, "install it where asgictl runs: "

    alone = environment.installing("shop", tmp_path, {})
    monkeypatch.setattr(environment, "which", lambda _: "/usr/bin/uv")
    with_uv = environment.installing("shop", tmp_path, {})

    assert alone == f"{begin}`{python} -m ensurepip && {python} -m pip install shop`"
    assert with_uv == f"{begin}`uv pip install --python {python} shop`"


@pytest.mark.parametrize(("mark", "tool"), [("uv-receipt.toml", "uv"), ("pipx_metadata.json", "pipx")])
def test_never_into_a_tools_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, tool: str
) -> None:
    """What `uv tool` and `pipx` have made for asgictl is left alone: the project gets an environment, or asgictl."""
    own = tmp_path / "tools"
    own.mkdir()
    (own / mark).write_text("")
    monkeypatch.setattr(sys, "prefix", str(own))
    project = tmp_path / "shop"
    project.mkdir()

    alone = environment.installing("flask", project, {})
    (project / "uv.lock").write_text("")
    locked = environment.installing("flask", project, {})

    begin = f"`{own}` is {tool}'s environment for asgictl alone: "
    assert alone == (
        f"{begin}make one for the project: `python3 -m venv .venv && .venv/bin/python -m pip install {ITSELF}`, "
        "then `.venv/bin/asgictl serve`"
    )
    assert locked == f"{begin}add it to the project: `uv add --dev {ITSELF}`, then `uv run asgictl serve`"


@pytest.mark.parametrize(
    ("mark", "command"),
    [("uv-receipt.toml", "uv tool install"), ("pipx_metadata.json", "pipx install --force")],
)
def test_an_extra_of_a_tools_own_asgictl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, command: str
) -> None:
    """What asgictl itself lacks is installed where it runs, by the tool that has put it there, whatever is here."""
    own = tmp_path / "tools"
    own.mkdir()
    (own / mark).write_text("")
    monkeypatch.setattr(sys, "prefix", str(own))
    (tmp_path / "uv.lock").write_text("")
    made(tmp_path)

    assert environment.adding("standard", tmp_path, {}) == f"install it: `{command} {ITSELF}`"


def test_an_extra_in_the_projects_own_environment(tmp_path: Path) -> None:
    """Where asgictl runs among the project's packages its tool adds the extra for development; else pip does."""
    (tmp_path / "uv.lock").write_text("")
    active = {"VIRTUAL_ENV": sys.prefix}

    own = environment.adding("https", tmp_path, active)
    elsewhere = environment.adding("https", tmp_path, {})

    wanted = f"'{SOURCE}[https]'"
    assert own == f"install it: `uv add --dev {wanted}`"
    assert elsewhere == f"install it where asgictl runs: `{sys.executable} -m pip install {wanted}`"


INSTALLED: dict[str, tuple[str | None, str]] = {
    "from an index": (None, "'asgictl[standard]'"),
    "from an index, with a hash": ('{"url": "https://x.test/asgictl.whl", "archive_info": {}}', "'asgictl[standard]'"),
    "from a folder": (
        '{"url": "file:///home/me/my%20work/asgictl", "dir_info": {}}',
        "'/home/me/my work/asgictl[standard]'",
    ),
    "from a repository": (
        '{"url": "https://x.test/asgictl", "vcs_info": {"vcs": "hg"}}',
        "'asgictl[standard] @ hg+https://x.test/asgictl'",
    ),
    "from a repository without a name": (
        '{"url": "https://x.test/asgictl", "vcs_info": {}}',
        "'asgictl[standard] @ git+https://x.test/asgictl'",
    ),
    "in ways nobody knows": ("{", "'asgictl[standard]'"),
    "with a list": ('{"url": null}', "'asgictl[standard]'"),
}


@pytest.mark.parametrize("case", INSTALLED)
def test_asgictl_is_installed_from_where_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """The command that installs it into the project's environment takes it from where this one is from."""
    text, expected = INSTALLED[case]
    monkeypatch.setattr(metadata, "distribution", lambda _: SimpleNamespace(read_text=lambda _: text))
    prefix = made(tmp_path)
    (prefix / "lib/python3.12/site-packages/pip").mkdir(parents=True)

    assert environment.note(tmp_path, {}) == moved(
        "the project's `.venv`",
        prefix,
        by=f"`{prefix}/bin/python -m pip install {expected}`, then `{prefix}/bin/asgictl serve`",
    )


def test_asgictl_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it runs from its sources alone, it is named as the index has it."""

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    prefix = made(tmp_path, "my env")
    python = f"'{prefix}/bin/python'"
    monkeypatch.setattr(environment, "which", lambda _: "/usr/bin/uv")

    assert environment.note(tmp_path, {"VIRTUAL_ENV": str(prefix)}) == moved(
        f"`{prefix}`, the environment that is active",
        prefix,
        by=f"`uv pip install --python {python} 'asgictl[standard]'`, then `'{prefix}/bin/asgictl' serve`",
    )


def test_a_package_for_another_environment(tmp_path: Path) -> None:
    """Once the start has said how to get into the project's environment, the hint for a package is short."""
    prefix = made(tmp_path)
    (tmp_path / "uv.lock").write_text("")

    assert environment.installing("flask", tmp_path, {}, told=True) == (
        f"asgictl runs in `{HERE}`, not in the project's `.venv`: install and start asgictl there"
    )
    by = f"`uv add --dev {ITSELF}`, then `uv run asgictl serve`"
    assert environment.installing("flask", tmp_path, {}) == moved("the project's `.venv`", prefix, by=by)
    active = moved(f"`{prefix}`, the environment that is active", prefix)
    assert environment.installing("flask", tmp_path, {"VIRTUAL_ENV": str(prefix)}) == active


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"POETRY_VIRTUALENVS_PATH": "{}/envs", "POETRY_CACHE_DIR": "{}/cache"}, "envs"),
        ({"POETRY_CACHE_DIR": "{}/cache", "XDG_CACHE_HOME": "{}/xdg"}, "cache/virtualenvs"),
        ({"XDG_CACHE_HOME": "{}/xdg"}, "xdg/pypoetry/virtualenvs"),
    ],
)
def test_where_poetry_keeps_them(tmp_path: Path, variables: dict[str, str], place: str) -> None:
    """Poetry's own variables, and that for caches, say where its environments are; another project's is not meant."""
    (tmp_path / "poetry.lock").write_text("")
    environ = {name: value.replace("{}", str(tmp_path)) for name, value in variables.items()}
    made(tmp_path / place, "shop-AAAAAAAA-py3.12")
    assert environment.note(tmp_path, environ) is None
    digest = base64.urlsafe_b64encode(hashlib.sha256(str(tmp_path.resolve()).encode()).digest()).decode()[:8]
    prefix = made(tmp_path / place, f"shop-{digest}-py3.12")

    start = f"`poetry add --group dev {ITSELF}`, then `poetry run asgictl serve`"
    assert environment.note(tmp_path, environ) == moved(f"Poetry's `{prefix}`", prefix, by=start)


@pytest.mark.parametrize(
    ("name", "begin"), [('a b$c`d!e*f@g"h', "a_b_c_d_e_f_g_h"), ("x" * 50, "x" * 42)], ids=["signs", "long"]
)
def test_where_pipenv_keeps_them(tmp_path: Path, name: str, begin: str) -> None:
    """Pipenv's environments are called like the folder, without some signs, and so long at the most."""
    shop = tmp_path / name
    shop.mkdir()
    (shop / "Pipfile").write_text("")
    digest = base64.urlsafe_b64encode(hashlib.sha256(str((shop / "Pipfile").resolve()).encode()).digest())
    prefix = made(tmp_path / "homes", f"{begin}-{digest.decode()[:8]}")

    start = f"`pipenv install --dev {ITSELF}`, then `pipenv run asgictl serve`"
    said = environment.note(shop, {"WORKON_HOME": str(tmp_path / "homes")})
    assert said == moved(f"Pipenv's `{prefix}`", prefix, by=start)


@pytest.mark.parametrize("content", ["", "/nowhere/bin/python", "x" * 10_001])
def test_what_pdm_does_not_know(tmp_path: Path, content: str) -> None:
    """A file of PDM's that leads to no environment says nothing."""
    (tmp_path / ".pdm-python").write_text(content)

    assert environment.note(tmp_path, {}) is None


def test_an_environment_of_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment, a lock file, or a pointer that another user has put there is not the project's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "_in_container", lambda: False)
    elsewhere = made(tmp_path / "elsewhere")
    for name, text in (("uv.lock", ""), (".pdm-python", f"{elsewhere}/bin/python")):
        (tmp_path / name).write_text(text)
        give_away(tmp_path / name, monkeypatch)
    give_away(made(tmp_path) / "pyvenv.cfg", monkeypatch)

    assert environment.note(tmp_path, {}) is None
    assert environment.installing("flask", tmp_path, {}) == LOCKS["requirements.txt"].replace("'shop[web]'", "flask")


def test_which_lock_file_counts(tmp_path: Path) -> None:
    """Of several lock files uv's counts, then Poetry's, PDM's and Pipenv's; one in the folder before one above."""
    (tmp_path / ".git").mkdir()
    below = tmp_path / "shop"
    below.mkdir()
    order = ["Pipfile", "Pipfile.lock", "pdm.lock", "poetry.lock", "uv.lock"]
    for name in order:
        (tmp_path / name).write_text("")
        assert environment.installing("shop[web]", below, {}) == LOCKS[name]

    (below / "pdm.lock").write_text("")
    assert environment.installing("shop[web]", below, {}) == LOCKS["pdm.lock"]


DISTRIBUTIONS = """
    Crypto=pycryptodome MySQLdb=mysqlclient OpenSSL=pyopenssl PIL=pillow allauth=django-allauth attr=attrs
    bs4=beautifulsoup4 corsheaders=django-cors-headers crispy_forms=django-crispy-forms cv2=opencv-python
    dateutil=python-dateutil debug_toolbar=django-debug-toolbar decouple=python-decouple django_filters=django-filter
    dns=dnspython docx=python-docx dotenv=python-dotenv engineio=python-engineio environ=django-environ
    fasthtml=python-fasthtml fitz=pymupdf git=gitpython github=pygithub grpc=grpcio
    import_export=django-import-export jose=python-jose jwt=pyjwt kafka=kafka-python ldap=python-ldap
    magic=python-magic memcache=python-memcached multipart=python-multipart nacl=pynacl ninja=django-ninja
    pkg_resources=setuptools pptx=python-pptx psycopg2=psycopg2-binary rest_framework=djangorestframework
    serial=pyserial skimage=scikit-image sklearn=scikit-learn slugify=python-slugify socketio=python-socketio
    storages=django-storages telegram=python-telegram-bot usb=pyusb web=web-py yaml=pyyaml zmq=pyzmq flask=flask
    mysql=mysql-connector-python
"""


@pytest.mark.parametrize("pair", DISTRIBUTIONS.split())
def test_what_a_module_is_called_in_an_index(pair: str) -> None:
    """The package that brings a module is named as it has to be installed."""
    module, _, distribution = pair.partition("=")

    assert environment.distribution(module) == distribution


def test_it_is_said_at_the_start(serve: Serve, write: Write) -> None:
    """It is said also when nothing is missing, before the banner; not of the bundled app."""
    folder = write({"main.py": BARE})
    prefix = made(folder)

    served = serve(env={"PATH": "/usr/bin:/bin"})  # without uv
    assert served.url
    lines = served.stop()[1]
    bundled = serve("demo")
    assert bundled.url

    assert lines[0] == "note: " + moved("the project's `.venv`", prefix)
    assert not [line for line in bundled.stop()[1] if line.startswith("note")]


def give_away(file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have `file` belong to somebody else; return who that is."""
    if os.geteuid() == 0:
        os.chown(file, 12345, -1)
        return "user 12345"
    monkeypatch.setattr(reading, "_own", lambda: {0})
    return f"user {os.geteuid()}"


def test_who_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the user's and of root's are believed, in a container also those of the folder's owner."""
    file = tmp_path / "Procfile"
    file.write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "_in_container", lambda: False)
    assert reading.stranger(file) is None

    whose = give_away(file, monkeypatch)
    assert reading.stranger(file) == whose

    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, -1)
        assert reading.stranger(file) == whose
        monkeypatch.setenv("SUDO_UID", "12345")
        assert reading.stranger(file) is None
        monkeypatch.delenv("SUDO_UID")
        monkeypatch.setattr(reading, "_in_container", lambda: True)
        assert reading.stranger(file) is None
