"""What is found of a Django project: the settings that serve, its `manage.py`, and the variables of the build."""

from typing import Any

import pytest
import yaml

from asgictl.errors import ConfigError
from asgictl.scaffold.detect import detect
from asgictl.scaffold.django import django_settings, stand_ins
from asgictl.scaffold.django.build_variables import Variable
from asgictl.scaffold.django.chosen_settings import ChosenSettings
from asgictl.scaffold.plan import plan
from asgictl.scaffold.project import Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import Lay, found, refused


def names(module: str) -> str:
    """Return the statement that names settings."""
    return f"import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', {module!r})\n"


APPLICATION = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
COMMON = "ROOT_URLCONF = 'conf.urls'\nM = 'whitenoise'\n"
TWO_SIDES = {
    "requirements.txt": "django\n",
    "manage.py": names("conf.settings.local"),
    "conf/__init__.py": "",
    "conf/asgi.py": names("conf.settings.production") + APPLICATION,
    "conf/urls.py": "",
    "conf/settings/__init__.py": "",
    "conf/settings/base.py": COMMON,
    "conf/settings/local.py": "from .base import *\nDEBUG: bool = True\nD = 'backends.sqlite3'\nX = env('DESK')\n",
    "conf/settings/production.py": "from .base import *\nSTATIC_ROOT = 'static'\nX = env('KEY')\n",
}
NEEDS = "the app needs variables that have no default, and that `.env` does not set: {}"
KEY = NEEDS.format("KEY (conf/settings/production.py:3)")
DIFFER = (
    "`manage.py` names the settings `conf.settings.base`, `conf/asgi.py` names `conf.settings.production`, "
    "which the image has; --settings chooses others"
)


def text(project: Project, name: str, **options: Any) -> str:
    """Return a planned file."""
    request = ScaffoldRequest(targets="all", **options)
    return next(file.text for file in plan(project, request) if file.path == name)


def told(project: Project) -> dict[str, tuple[str, str]]:
    """Return the findings."""
    return {it.topic: (it.value, it.source) for it in project.findings}


def test_what_asgi_py_names_is_served(lay: Lay) -> None:
    """The image and the unit have the settings of `asgi.py`, and everything else is read from them as well."""
    project = detect(ScaffoldRequest(), lay(TWO_SIDES, None))

    assert told(project)["settings"] == ("conf.settings.production", "conf/asgi.py")
    assert "DJANGO_SETTINGS_MODULE=conf.settings.production" in text(project, "Dockerfile")
    assert "\nEnvironment=DJANGO_SETTINGS_MODULE=conf.settings.production\n" in text(project, "shop.service")
    assert "local" not in text(project, "Dockerfile")
    assert project.statics == Statics({"KEY": "str"})
    assert project.notes == (KEY,)


def test_settings_that_differ(lay: Lay) -> None:
    """Where `manage.py` names others that are not for development, that is said."""
    project = detect(ScaffoldRequest(), lay({**TWO_SIDES, "manage.py": names("conf.settings.base")}, None))

    assert told(project)["settings"] == ("conf.settings.production", "conf/asgi.py")
    assert project.notes == (DIFFER, KEY)


@pytest.mark.parametrize("name", ["compose.dev.yaml", "compose.watch.yaml"])
@pytest.mark.parametrize("settings", [None, "conf.settings.production"])
def test_settings_while_developing(lay: Lay, settings: str | None, name: str) -> None:
    """While developing a container has the settings of `manage.py`, or those that `.env` or the shell names."""
    root = lay(TWO_SIDES, None)
    service = yaml.safe_load(text(detect(ScaffoldRequest(settings=settings), root), name))["services"]["web"]
    (root / "conf/settings/production.py").write_text("ALLOWED_HOSTS = ['shop.example.com']\n")
    asking = yaml.safe_load(text(detect(ScaffoldRequest(settings=settings), root), name))["services"]["web"]

    expected = "${DJANGO_SETTINGS_MODULE:-conf.settings.local}"
    assert service["environment"]["DJANGO_SETTINGS_MODULE"] == expected
    assert told(detect(ScaffoldRequest(), root))["development"] == ("conf.settings.local", "manage.py")
    assert ("healthcheck" in service, asking["healthcheck"]) == (False, {"disable": True})


NEEDED = [
    ("import debug_toolbar\n", "debug_toolbar"),
    ("from silk.x import y\n", "silk"),
    ("INSTALLED_APPS += ['conf.shop', 'debug_toolbar', 'django_extensions.x']\n", "debug_toolbar, django_extensions"),
    ("INSTALLED_APPS = [*INSTALLED_APPS, 'debug_toolbar']\n", "debug_toolbar"),
    ("MIDDLEWARE.insert(0, 'debug_toolbar.middleware.X')\n", "debug_toolbar"),
]


@pytest.mark.parametrize(("more", "lacking"), NEEDED)
def test_settings_that_the_image_cannot_load(lay: Lay, more: str, lacking: str) -> None:
    """Settings for development that need what the image lacks do not serve, and a note says how they would."""
    root = lay({**TWO_SIDES, "conf/settings/local.py": f"import os\nfrom .base import *\n{more}"}, None)
    project = detect(ScaffoldRequest(), root)
    name = lacking.partition(",")[0]
    distribution = {"debug_toolbar": "django-debug-toolbar"}.get(name, name)
    add = f"add `{distribution}` to `requirements.txt`, or pass --requirements with the file that has it"

    assert "DJANGO_SETTINGS_MODULE" not in text(project, "compose.dev.yaml")
    assert project.notes == (
        f"`conf.settings.local` needs {lacking}, which the image lacks, so `conf.settings.production` serves while "
        f"developing as well: {add}",
        KEY,
    )
    assert detect(ScaffoldRequest(targets="docker"), root).notes == (KEY,)
    (root / "requirements.txt").write_text("django\ndjango-debug-toolbar\ndjango-extensions\ndjango-silk\n")
    assert detect(ScaffoldRequest(), root).app.desk == "conf.settings.local"
    (root / "requirements.txt").write_text("django\n")
    (root / "conf/settings/production.py").write_text(f"from .base import *\n{more}")
    assert detect(ScaffoldRequest(), root).app.desk == "conf.settings.local"


def test_settings_for_development_that_are_not_there(lay: Lay) -> None:
    """Settings that `manage.py` names and that are in no file are no answer."""
    project = detect(ScaffoldRequest(), lay({**TWO_SIDES, "manage.py": names("elsewhere.local")}, None))

    assert (project.app.desk, "development" in told(project)) == (None, False)


@pytest.mark.parametrize("app", [None, "conf.asgi:application", "conf/asgi.py"])
def test_however_it_is_named(lay: Lay, app: str | None) -> None:
    """The app has the same settings, whether it was found or named."""
    project = detect(ScaffoldRequest(app=app), lay(TWO_SIDES, None))

    assert (project.app.settings, project.notes) == ("conf.settings.production", (KEY,))


def test_wsgi_py_alone(lay: Lay) -> None:
    """A project without `asgi.py` is served with the settings of its `wsgi.py`."""
    files = {**TWO_SIDES, "conf/wsgi.py": names("conf.settings.production") + WSGI + "print()\n"}
    del files["conf/asgi.py"]
    project = detect(ScaffoldRequest(), lay(files, None))

    assert told(project)["settings"] == ("conf.settings.production", "conf/wsgi.py")


@pytest.mark.parametrize("name", ["conf/wsgi.py", "conf/settings/wsgi.py"])
def test_wsgi_py_as_it_was_written(lay: Lay, name: str) -> None:
    """So is one whose `wsgi.py` only says which settings: the app is made from those."""
    files = {**TWO_SIDES, name: names("conf.settings.production") + WSGI}
    del files["conf/asgi.py"]
    project = detect(ScaffoldRequest(), lay(files, None))

    assert project.app.name == "django.core.asgi:get_asgi_application"
    assert told(project)["settings"] == ("conf.settings.production", name)
    assert told(project)["static files"] == ("collected", "STATIC_ROOT in conf/settings/production.py:2")


def test_wsgi_py_beside(lay: Lay) -> None:
    """Where `asgi.py` names none, `wsgi.py` beside it does."""
    files = {**TWO_SIDES, "conf/asgi.py": APPLICATION, "conf/wsgi.py": names("conf.settings.production") + WSGI}
    project = detect(ScaffoldRequest(), lay(files, None))

    assert told(project)["settings"] == ("conf.settings.production", "conf/wsgi.py")


@pytest.mark.parametrize("name", ["shop_conf", "conf.settings.live"])
def test_settings_that_are_not_there(lay: Lay, name: str) -> None:
    """Settings of the project that are named, and are not there, would let no container start: an error."""
    root = lay(
        {**TWO_SIDES, "conf/asgi.py": f"os.environ['DJANGO_SETTINGS_MODULE'] = '{name}'\napplication = 1\n"}, None
    )

    error = refused(root)

    assert isinstance(error, ConfigError)
    assert (error.message, error.hint, error.option) == (
        f"`conf/asgi.py` names the settings `{name}`, which are not in `{root}`",
        "write them, or pass --settings with others that are there",
        "settings",
    )
    assert found(root, "settings", settings="conf.settings.local")[0] == "conf.settings.local"


def test_the_option(lay: Lay) -> None:
    """`--settings` has the last word, nothing is said of the others, and the notes are of those that were chosen."""
    root = lay(TWO_SIDES, None)
    project = detect(ScaffoldRequest(settings="conf.settings.local"), root)

    assert told(project)["settings"] == ("conf.settings.local", "--settings")
    assert project.statics is None
    assert project.notes == (
        "DEBUG is on in local.py:2: anybody sees Django's debug page; --settings takes other settings",
        NEEDS.format("DESK (conf/settings/local.py:4)"),
        "SQLite's file would lie in the code, which is read-only in a container: put it on a volume, or elsewhere; "
        "pass --volume data:/app/data",
    )
    error = refused(root, settings="conf.settings.staging")
    assert isinstance(error, ConfigError)
    assert (error.message, error.hint, error.option) == (
        f"there is no module `conf.settings.staging` in `{root}`",
        "write it like conf.settings.production",
        "settings",
    )


@pytest.mark.parametrize(
    ("local", "production"),
    [
        ("conf.settings.local", "conf.settings.production"),
        ("conf.settings.dev", "conf.settings.prod"),
        ("conf.settings_dev", "conf.settings_prod"),
        ("conf.dev_settings", "conf.production_settings"),
    ],
)
def test_settings_for_development_beside_others(lay: Lay, local: str, production: str) -> None:
    """Where everything names settings for development, and others are for production, the user is asked."""
    files = {
        **{f"{name.replace('.', '/')}.py": COMMON for name in (local, production)},
        "requirements.txt": "django\n",
        "manage.py": names(local),
        "conf/asgi.py": names(local) + APPLICATION,
        "conf/urls.py": "",
    }
    root = lay(files, None)
    error = refused(root)

    assert isinstance(error, ConfigError)
    assert (error.exit_status, error.message, error.hint) == (
        2,
        f"`conf/asgi.py` names the settings `{local}`, and there is `{production}`",
        f"choose: --settings {production}, or --settings {local}",
    )
    assert found(root, "settings", settings=production) == (production, "--settings")
    assert found(root, "settings", settings=local) == (local, "--settings")


def test_a_package_that_takes_development(lay: Lay) -> None:
    """A package of settings that takes everything from those for development is one of them."""
    files = {
        **TWO_SIDES,
        "manage.py": names("conf.settings"),
        "conf/asgi.py": names("conf.settings") + APPLICATION,
        "conf/settings/__init__.py": "from .local import *\n",
    }

    assert refused(lay(files, None)).message == (
        "`conf/asgi.py` names the settings `conf.settings`, and there is `conf.settings.production`"
    )


def test_production_beside_others(lay: Lay) -> None:
    """Settings for production that nothing names get a note where the others may be for everything."""
    named = names("conf.settings.base")
    project = detect(
        ScaffoldRequest(), lay({**TWO_SIDES, "manage.py": named, "conf/asgi.py": named + APPLICATION}, None)
    )

    assert project.notes == (
        "there are the settings `conf.settings.production`, and the image has `conf.settings.base`, "
        "as in `conf/asgi.py`; --settings chooses",
    )


def test_settings_that_are_computed(lay: Lay) -> None:
    """Where `asgi.py` computes the name nothing is guessed quietly."""
    computed = "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = f'conf.settings.{x}'\n"
    files = {**TWO_SIDES, "manage.py": names("conf.settings.production"), "conf/asgi.py": computed + APPLICATION}
    project = detect(ScaffoldRequest(), lay(files, None))

    assert project.notes == (
        "`conf/asgi.py` computes DJANGO_SETTINGS_MODULE: the image has `conf.settings.production`, "
        "as in `manage.py`; --settings chooses others",
        KEY,
    )


REQUIRED: list[tuple[str, dict[str, str]]] = [
    ("os.environ['A_1']", {"A_1": "str"}),
    ("environ['A']", {"A": "str"}),
    ("other['A']", {}),
    ("os.environ['not a name']", {}),
    ("os.environ['PATH']", {}),
    ("os.environ.get('A')", {}),
    ("os.environ['A'] = 'x'", {}),
    ("env('A')", {"A": "str"}),
    ("env.str('A')", {"A": "str"}),
    ("env.int('APP_PORT')", {"APP_PORT": "int"}),
    ("env.bool('A')", {"A": "bool"}),
    ("env.list('A', subcast=int)", {"A": "list"}),
    ("env.db()", {}),
    ("env.db('DATABASE_URL')", {"DATABASE_URL": "db"}),
    ("env.dj_db_url('A')", {"A": "dj_db_url"}),
    ("env.read_env('A')", {}),
    ("env('A', int)", {"A": "int"}),
    ("env('A', cast=float)", {"A": "float"}),
    ("env('A', default=1)", {}),
    ("env('A', 'x')", {}),
    ("env.int('A', 5)", {}),
    ("config('A')", {"A": "str"}),
    ("config('DB_PORT', cast=int)", {"DB_PORT": "int"}),
    ("config('A', cast=Csv())", {"A": "list"}),
    ("config('A', default='x', cast=int)", {}),
    ("config('A', 5, int)", {}),
    ("config('not a name')", {}),
    ("[env('B'), env('A'), env('B')]", {"B": "str", "A": "str"}),
    ("getenv('A')", {}),
    ("int(os.getenv('A'))", {"A": "str"}),
    ("os.getenv('A').split(',')", {"A": "str"}),
    ("os.environ.get('A') + 'x'", {"A": "str"}),
    ("os.getenv('A', '1').split(',')", {}),
    ("os.environ['A'] if 'A' in os.environ else 1", {}),
    ("os.environ['A'] if os.getenv('A') else 1", {}),
    ("1\nSECRET_KEY = os.getenv('A')", {"A": "str"}),
    ("1\ne = environ.Env(B=(bool, False))\nY = e('A'), e('B')", {"A": "str"}),
    ("1\nfrom decouple import config as c\nY = c('A')", {"A": "str"}),
    ("1\ndef need(n):\n    return os.environ[n]\nY = need('A')", {"A": "str"}),
    ("1\ndef need(n, default=None):\n    return os.environ[n]\nY = need('A'), need('B', 1)", {"A": "str"}),
    ("1\ndef need(n):\n    if not os.getenv(n):\n        raise ValueError\nneed('A')", {"A": "str"}),
    ("1\ndef maybe(n):\n    return os.getenv(n)\nY = maybe('A')", {}),
    ("1\ndef other(n, m):\n    return os.environ[m]\nY = other('A')", {}),
    ("1\nfor n in ('A', 'B'):\n    os.environ[n]", {"A": "str", "B": "str"}),
    ("{n: os.environ[n] for n in ['A', 'B']}", {"A": "str", "B": "str"}),
    ("[other[n] for n in ['A', 'B']]", {}),
    (
        "1\nwith env.prefixed('A_'):\n    env.int('B')\n    with env.prefixed('C_'):\n        env('D')",
        {"A_B": "int", "A_C_D": "str"},
    ),
    ("1\nfrom .tools import need\nY = need('A')", {"A": "str"}),
    ("1\nfrom conf.tools import need\nY = need('A')", {"A": "str"}),
]


@pytest.mark.parametrize(("code", "variables"), REQUIRED)
def test_variables_of_the_settings(lay: Lay, code: str, variables: dict[str, str]) -> None:
    """Each variable without which the settings cannot be imported is known, with the type that it is read as."""
    lines = f"{COMMON}STATIC_ROOT = 'x'\n{'' if code.startswith('os.environ[') and ' = ' in code else 'X = '}{code}\n"
    files = {
        **TWO_SIDES,
        "conf/settings/production.py": lines.replace("from .tools", "from ..tools"),
        "conf/tools.py": "import os\ndef need(name):\n    return os.environ[name]\n",
    }
    statics = detect(ScaffoldRequest(), lay(files, None)).statics

    assert statics is not None
    assert statics.variables == variables


STAND_INS = [
    ("A", "str", "1"),
    ("A", "int", "1"),
    ("A", "list", "1"),
    ("A", "db", "sqlite:///:memory:"),
    ("A", "cache_url", "locmemcache://"),
    ("A", "email_url", "consolemail://"),
    ("A", "url", "http://build.invalid"),
    ("A", "json", "{}"),
    ("A", "dict", "a=1"),
    ("CACHE_URL", "str", "http://build.invalid"),
    ("DJANGO_SECRET_KEY", "int", "1"),
]


@pytest.mark.parametrize(("name", "kind", "value"), STAND_INS)
def test_stand_ins(name: str, kind: str, value: str) -> None:
    """A variable is set to something that its reader takes."""
    assert stand_ins.of(Statics({name: kind}), ()) == {name: value}


def test_a_key_is_long_enough() -> None:
    """Django's own check of SECRET_KEY (security.W009) has nothing against the stand-in."""
    value = stand_ins.of(Statics({"SECRET_KEY": "str"}), ())["SECRET_KEY"]

    assert len(value) >= 50
    assert len(set(value)) >= 5
    assert not value.startswith("django-insecure-")


def test_build_env(lay: Lay) -> None:
    """`--build-env` sets a variable that nothing shows to be needed, and one that needs something else."""
    project = detect(ScaffoldRequest(), lay(TWO_SIDES, None))
    dockerfile = text(project, "Dockerfile", build_env=("KEY=it's $HOME", "MORE=a=b"))

    assert "\nRUN KEY='it'\"'\"'s $HOME' MORE=a=b python manage.py collectstatic --noinput\n" in dockerfile


def test_build_env_for_nothing(lay: Lay) -> None:
    """Where nothing is collected at the build, a note says that the variable is not used."""
    project = detect(ScaffoldRequest(build_env=("A=1",)), lay({"requirements.txt": "fastapi\n"}))

    assert project.notes == ("--build-env is for collecting Django's static files, and there are none",)


@pytest.mark.parametrize("folder", ["/public_collected", "/srv/static/"])
def test_static_files_outside_of_the_code(lay: Lay, folder: str) -> None:
    """What is collected into a folder of its own gets into the image as well."""
    files = {**TWO_SIDES, "conf/settings/production.py": f"{COMMON}STATIC_ROOT = {folder!r}\n"}
    project = detect(ScaffoldRequest(), lay(files, None))
    place = folder.rstrip("/")

    assert project.notes == ()
    assert text(project, "Dockerfile").endswith(
        f"FROM server AS runtime\nCOPY --from=code /app /app\nCOPY --from=code {place} {place}\n"
    )


@pytest.mark.parametrize("line", ["DJANGO_SETTINGS_MODULE=conf.settings.local", "export DJANGO_SETTINGS_MODULE='x'"])
def test_other_settings_in_the_env_file(lay: Lay, line: str) -> None:
    """Compose hands `.env` to the container: settings there get a note, unless they are the same."""
    files = {**TWO_SIDES, "manage.py": names("conf.settings.production")}
    notes = detect(ScaffoldRequest(), lay({**files, ".env": f"A=1\n{line}\n"}, None)).notes
    named = line.partition("=")[2].strip("'")

    assert notes == (
        f"`.env` names the settings `{named}`, and compose serves with those, "
        "not with the image's `conf.settings.production`",
        KEY,
    )
    same = "DJANGO_SETTINGS_MODULE=conf.settings.production\n"
    assert detect(ScaffoldRequest(), lay({**files, ".env": f"{same}KEY=1\n"}, None)).notes == ()


BELOW: dict[str, str] = {
    "pyproject.toml": "[project]\nname = 'hello'\ndependencies = ['django']\n",
    "src/__init__.py": "",
    "src/manage.py": names("config.settings"),
    "src/config/__init__.py": "",
    "src/config/asgi.py": names("config.settings") + APPLICATION,
    "src/config/settings.py": "ROOT_URLCONF = 'config.urls'\nSTATIC_ROOT = 'x'\nM = 'whitenoise'\nX = env.int('A')\n",
    "src/config/urls.py": "urlpatterns = [path('healthz/', x)]\n",
}


@pytest.mark.parametrize(
    ("inside", "app"),
    [(".", None), ("src", None), (".", "src/config/asgi.py"), ("src", "config/asgi.py"), ("src", "config.asgi")],
)
def test_manage_py_below(lay: Lay, inside: str, app: str | None) -> None:
    """A project whose `manage.py` lies below `src` is found whole, from wherever one looks, and however it is named."""
    root = lay(BELOW, None)
    project = detect(ScaffoldRequest(app=app), root / inside)

    assert (project.root, project.name, project.deps.kind) == (root, "hello", "pyproject")
    assert (project.app.name, project.app.folders) == ("config.asgi:application", ("src",))
    assert told(project)["settings"] == ("config.settings", "src/config/asgi.py")
    assert told(project)["static files"] == ("collected", "STATIC_ROOT in src/config/settings.py:2")
    assert told(project)["health"] == ("/healthz/", "src/config/urls.py:1")
    assert "\nRUN A=1 python src/manage.py collectstatic --noinput\n" in text(project, "Dockerfile")
    assert "PYTHONPATH=/app/src" in text(project, "Dockerfile")


def test_manage_py_in_a_folder_of_any_name(lay: Lay) -> None:
    """The same for a folder that is no package, and of another name."""
    root = lay(
        {name.replace("src/", "backend/"): code for name, code in BELOW.items() if "src/__init" not in name}, None
    )
    project = detect(ScaffoldRequest(), root)

    assert (project.app.name, project.app.folders) == ("config.asgi:application", ("backend",))
    assert "\nRUN A=1 python backend/manage.py collectstatic --noinput\n" in text(project, "Dockerfile")


def test_settings_that_take_a_neighbours(lay: Lay) -> None:
    """What settings take from other files of the project counts, and their own word is the last."""
    files = {
        "site_/deep.py": "STATIC_ROOT = '/srv/x'\nX = env('A')\n",
        "site_/base.py": "from site_.deep import *\nROOT_URLCONF = 'site_.urls'\nM = 'whitenoise'\n",
        "site_/other.py": "D = 'backends.sqlite3'\n",
        "site_/urls.py": "",
        "site_/settings.py": "from .base import *\nfrom .missing import *\nfrom .other import D\nfrom other import *\n",
    }
    root = lay(files, None)
    chosen = ChosenSettings("site_.settings", "manage.py", root, None)

    assert django_settings.read(chosen) == django_settings.DjangoSettings(
        file=root / "site_/settings.py",
        static_root=django_settings.SettingLine(root / "site_/deep.py", 1),
        static_outside="/srv/x",
        whitenoise=True,
        sqlite=False,
        required={"A": Variable("str", root / "site_/deep.py", 2)},
        urls=root / "site_/urls.py",
        files=tuple(root / f"site_/{name}.py" for name in ("deep", "base", "settings")),
    )
    (root / "site_/settings.py").write_text("from .base import *\n\nSTATIC_ROOT = 'y'\nROOT_URLCONF = x()\n")
    own = django_settings.read(chosen)
    assert own is not None
    assert (own.static_root, own.static_outside, own.urls) == (
        *(django_settings.SettingLine(root / "site_/settings.py", 3), None, None),
    )
    assert django_settings.read(chosen._replace(module="site_.nosuch")) is None
