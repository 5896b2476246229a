"""Places to write to: found in the source, told with the option that makes them, and the same in every file."""

from typing import Any

import pytest
import yaml

from asgictl.scaffold import plan
from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.verify import refusals
from tests.scaffold.conftest import APP, Lay, found
from tests.scaffold.test_planned import lines, text

WRITES = [
    ("sqlite3.connect('data/x.db')", "data/x.db"),
    ("aiosqlite.connect(BASE / 'x.db')", "x.db"),
    ("SqliteDatabase('x.db')", "x.db"),
    ("URL = 'sqlite:///./x.db'", "x.db"),
    ("URL = 'sqlite+aiosqlite:///data/x.db?timeout=3'", "data/x.db"),
    ("URL = 'sqlite:////data/x.db'", "/data/x.db"),
    ("NAME = 'x.db'\nURL = f'sqlite:///{NAME}'", "x.db"),
    ("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE / 'x.sqlite3'}}", "x.sqlite3"),
    ("os.makedirs('uploads', exist_ok=True)", "uploads"),
    ("Path('up/loads').mkdir()", "up/loads"),
    ("open('log.txt', 'a')", "log.txt"),
    ("open(f'uploads/{name}', 'wb')", "uploads"),
    ("open(f'{UP}/{name}', 'wb')", "uploads"),
    ("open(os.path.join(UP, name), mode='xb')", "uploads"),
    ("open(UP / name, 'r+b')", "uploads"),
    ("(UP / name).write_bytes(b'')", "uploads"),
    ("(UP / name).open('w')", "uploads"),
    ("logging.handlers.RotatingFileHandler('logs/x.log')", "logs/x.log"),
    ("app.config['UPLOAD_FOLDER'] = 'uploads'", "uploads"),
    ("MEDIA_ROOT = BASE / 'media'", "media"),
    ("MEDIA_ROOT = os.environ.get('MEDIA', BASE / 'media')", "media"),
    ("MEDIA_ROOT = config('MEDIA', default='media')", "media"),
    ("MEDIA_ROOT = env.str('MEDIA', default='/srv/media')", "/srv/media"),
    ("logging.basicConfig(filename='x.log', level=1)", "x.log"),
    ("LOG = 'x.log'\nlogging.basicConfig(filename=LOG)", "x.log"),
    ("LOGGING = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': BASE / 'logs/x.log'}}}", "logs/x.log"),
    ("LOG = {'f': {'()': RotatingFileHandler, 'filename': 'x.log'}}", "x.log"),
    ("logging.FileHandler(filename='x.log')", "x.log"),
    ("ConcurrentRotatingFileHandler('x.log', 'a')", "x.log"),
    ("logger.add('logs/x.log', rotation='1 day')", "logs/x.log"),
    ("logger.add('logs/x_{time}.log')", "logs/x_{time}.log"),
    ("logger.add(sys.stderr)", ""),
    ("aiofiles.open(UP / name, 'wb')", "uploads"),
    ("anyio.open_file('x', mode='w')", "x"),
    ("gzip.open('x.gz', 'rb')", ""),
    ("open(file='x', mode='w')", "x"),
    ("shelve.open('x')", "x"),
    ("sqlite3.connect(database='x.db')", "x.db"),
    ("frame.to_csv('out/x.csv')", "out/x.csv"),
    ("form.to_json()", ""),
    ("shutil.copy('a', UP / name)", "uploads"),
    ("CACHE = Path.home() / '.cache' / 'x'\nCACHE.mkdir()", "~/.cache/x"),
    ("os.makedirs(os.path.expanduser('~/.x'))", "~/.x"),
    ("open('uploads/x')", ""),
    ("open('uploads/x', 'rb')", ""),
    ("sqlite3.connect(':memory:')", ""),
    ("sqlite3.connect('file:x.db?mode=ro', uri=True)", ""),
    ("URL = 'sqlite://'", ""),
    ("URL = 'sqlite:///:memory:'", ""),
    ("open('/tmp/x', 'w')", ""),
    ("open(name, 'w')", ""),
    ("engine.connect('x.db')", ""),
    ("if __name__ == '__main__':\n    open('x', 'w')", ""),
    ("UP = UP / 'x'\nopen(UP, 'w')", ""),
]


@pytest.mark.parametrize(("code", "path"), WRITES)
def test_what_is_written(lay: Lay, code: str, path: str) -> None:
    """Each way to write is seen with its path, or the folder where the name is not known; what is read is not."""
    before = "BASE = Path(__file__).parent\n" + ("" if code.startswith("UP ") else "UP = Path('uploads')\n")
    root = lay({}, f"{APP}{before}{code}\n")
    findings = {it.topic: it.value for it in detect(ScaffoldRequest(), root).findings}

    assert findings.get("written", "") == path


MODULES = {
    "shop/config.py": "UP = Path('uploads')\nclass Config:\n    up: Path = Path('own')\nconfig = Config()\n",
    "shop/a.py": "from .b import *\n",
    "shop/b.py": "from .a import *\nfrom .config import UP\n",
    "shop/__init__.py": "",
}
ELSEWHERE = [
    ("from shop.config import UP\nUP.mkdir()", "uploads"),
    ("from shop.config import UP as there\nopen(there / name, 'w')", "uploads"),
    ("from shop import config\n(config.UP / 'x').mkdir()", "uploads/x"),
    ("from shop.config import config\nconfig.up.mkdir()", "own"),
    ("from shop.a import *\nUP.mkdir()", "uploads"),
    ("from shop.a import *\nOTHER.mkdir()", ""),
    (f"from {'.' * 99}x import UP\nUP.mkdir()", ""),
    ("from elsewhere import UP\nUP.mkdir()", ""),
]


@pytest.mark.parametrize(("code", "path"), ELSEWHERE)
def test_names_of_other_modules(lay: Lay, code: str, path: str) -> None:
    """A path that another module of the project gives a name is the one that is written."""
    findings = {it.topic: it.value for it in detect(ScaffoldRequest(), lay({**MODULES, "jobs.py": code})).findings}

    assert findings.get("written", "") == path


READ_ONLY = "is written, and all but volumes and /tmp is read-only"
NOWHERE = "no volume can lie there, so it has to write elsewhere"
PLACES: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("os.mkdir('uploads')", (), [f"`uploads` in main.py:3 {READ_ONLY}: pass --volume uploads:/app/uploads"]),
    ("os.mkdir('My_Files')", (), [f"`My_Files` in main.py:3 {READ_ONLY}: pass --volume my-files:/app/My_Files"]),
    (
        "open('logs/x.log', 'a')\nopen('logs/y.log', 'a')",
        (),
        [f"`logs/x.log` in main.py:3 {READ_ONLY}: pass --volume logs:/app/logs"],
    ),
    (
        "sqlite3.connect('x.db')",
        (),
        [f"`x.db` in main.py:3 {READ_ONLY}: put it in a folder without code, and pass --volume data:/app/data"],
    ),
    (
        "sqlite3.connect('lib/x.db')",
        (),
        [f"`lib/x.db` in main.py:3 {READ_ONLY}: put it in a folder without code, and pass --volume data:/app/data"],
    ),
    ("sqlite3.connect('/data/x.db')", (), [f"`/data/x.db` in main.py:3 {READ_ONLY}: pass --volume data:/data"]),
    (
        "(Path.home() / '.x').mkdir()",
        (),
        ["`~/.x` in main.py:3 lies in /tmp, where HOME is: in memory, and gone after a restart"],
    ),
    ("os.mkdir('uploads')", ("u:/app/uploads",), []),
    ("os.mkdir('files/up')", ("u:/app/files",), []),
    ("sqlite3.connect('/data/x.db')", ("d:/data",), []),
    ("os.mkdir('/etc/app')", (), [f"`/etc/app` in main.py:3 {READ_ONLY}: {NOWHERE}"]),
    ("os.mkdir('/data;curl x|sh')", (), []),
    (
        "os.mkdir('uploads')",
        ("uploads:/data",),
        [f"`uploads` in main.py:3 {READ_ONLY}: pass --volume uploads-2:/app/uploads"],
    ),
    (
        f"os.mkdir('{'a' * 60}')",
        (),
        [f"`{'a' * 60}` in main.py:3 {READ_ONLY}: pass --volume {'a' * 42}:/app/{'a' * 60}"],
    ),
    (
        "os.mkdir('uploads2')",
        ("u:/app/uploads",),
        [f"`uploads2` in main.py:3 {READ_ONLY}: pass --volume uploads2:/app/uploads2"],
    ),
]


@pytest.mark.parametrize(("code", "volumes", "notes"), PLACES)
def test_notes(lay: Lay, code: str, volumes: tuple[str, ...], notes: list[str]) -> None:
    """What could not be written is told with its line and the option for it, once for each folder."""
    root = lay({"requirements.txt": "fastapi\n", "lib/x.py": ""}, f"{APP}{code}\n")

    assert list(detect(ScaffoldRequest(volume=volumes), root).notes) == notes


TOGETHER = [
    (
        "os.mkdir('uploads')\nos.mkdir('a/data')\nos.mkdir('b/data')\nos.mkdir('uploads/x')",
        (),
        "`uploads` in main.py:3, `a/data` in main.py:4 and `b/data` in main.py:5 are written, and all but volumes and "
        "/tmp is read-only: pass --volume uploads:/app/uploads --volume data:/app/a/data --volume data-2:/app/b/data",
    ),
    (
        "open('x.log', 'a')\nsqlite3.connect('x.db')",
        (),
        "`x.log` in main.py:3 and `x.db` in main.py:4 are written, and all but volumes and /tmp is read-only: put them "
        "in a folder without code, and pass --volume data:/app/data",
    ),
    (
        "sqlite3.connect('x.db')",
        ("data:/a", "data-2:/b"),
        f"`x.db` in main.py:3 {READ_ONLY}: {NOWHERE}",
    ),
    (
        "\n".join(f"os.mkdir('/etc/{name}')" for name in "abcdef"),
        (),
        "`/etc/a` in main.py:3, `/etc/b` in main.py:4, `/etc/c` in main.py:5, `/etc/d` in main.py:6 and 2 more are "
        "written, and all but volumes and /tmp is read-only: no volume can lie there, so they have to write elsewhere",
    ),
    (
        "(Path.home() / '.x').mkdir()\n(Path.home() / '.y').mkdir()",
        (),
        "`~/.x` in main.py:3 and `~/.y` in main.py:4 lie in /tmp, where HOME is: in memory, and gone after a restart",
    ),
]


@pytest.mark.parametrize(("code", "volumes", "note"), TOGETHER)
def test_one_note_for_several(lay: Lay, code: str, volumes: tuple[str, ...], note: str) -> None:
    """Places that need the same are told in one note, with all the options to pass."""
    root = lay({"requirements.txt": "fastapi\n"}, f"{APP}{code}\n")

    assert detect(ScaffoldRequest(volume=volumes), root).notes == (note,)


def test_a_volume_that_the_others_need_too(lay: Lay) -> None:
    """What lies among code may go to the volume that something else needs anyway."""
    root = lay({"requirements.txt": "fastapi\n"}, f"{APP}open('data/x.log', 'a')\nsqlite3.connect('x.db')\n")

    assert detect(ScaffoldRequest(), root).notes == (
        f"`data/x.log` in main.py:3 {READ_ONLY}: pass --volume data:/app/data",
        f"`x.db` in main.py:4 {READ_ONLY}: put it in a folder without code, and pass --volume data:/app/data",
    )


def test_a_hidden_file(lay: Lay) -> None:
    """A file without a suffix is not taken for a folder, on which a volume would take its place."""
    root = lay({"requirements.txt": "fastapi\n"}, f"{APP}open('.secret', 'w')\n")

    assert detect(ScaffoldRequest(), root).notes == (
        "`.secret` in main.py:3 is written, and all but volumes and /tmp is read-only: "
        "put it in a folder without code, and pass --volume data:/app/data",
    )


def test_what_does_not_serve(lay: Lay) -> None:
    """What only scripts write needs no place where the app runs."""
    code = "open('x', 'w')\n"
    names = (
        "scripts/x.py",
        "tools/y.py",
        "dev/z.py",
        "shop/management/commands/x.py",
        "integ_tests/x.py",
        "a/tests_e2e/x.py",
    )
    root = lay(dict.fromkeys((*names, "setup.py", "alembic/env.py"), code))

    assert "written" not in {it.topic for it in detect(ScaffoldRequest(), root).findings}
    (root / "jobs.py").write_text(code)
    assert found(root, "written") == ("x", "jobs.py:1")


OWN_DATABASE = "from .base import *\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n"
ALSO_DATABASE = "from .base import *\nif X:\n    DATABASES = {}\n"
SETTINGS = [
    ("from .base import *\n", {"media", "db.sqlite3", "files"}),
    ("from site_.settings.base import *\n", {"media", "db.sqlite3", "files"}),
    (OWN_DATABASE, {"media", "files"}),
    (ALSO_DATABASE, {"media", "db.sqlite3", "files"}),
    ("from .base import *\nMEDIA_ROOT = BASE / 'own'\n", {"media", "db.sqlite3", "own"}),
    ("", {"media"}),
    ("MEDIA_ROOT = 'own'\n", {"media", "own"}),
]


@pytest.mark.parametrize(("settings", "expected"), SETTINGS)
def test_settings_that_are_not_in_use(lay: Lay, settings: str, expected: set[str]) -> None:
    """Of Django's settings those count that are in use, what they take from others, and of each the last value."""
    database = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE / 'db.sqlite3'}}\n"
    files = {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings.production')\n",
        "requirements.txt": "django\n",
        "site_/settings/production.py": settings,
        "site_/settings/base.py": f"BASE = Path(__file__).parents[2]\n{database}MEDIA_ROOT = BASE / 'files'\n",
        "site_/settings/local.py": f"BASE = Path('local')\n{database}",
        "site_/asgi.py": "application = get_asgi_application()\n",
        "site_/files.py": "UPLOAD_FOLDER = 'media'\n",
        **dict.fromkeys(("site_/__init__.py", "site_/settings/__init__.py"), ""),
    }
    root = lay(files, None)

    assert set(found(root, "written")[0].split(", ")) == expected


VOLUMES: Any = {"volume": ("uploads:/app/uploads", "data:/data")}


def loaded(name: str, **options: Any) -> Any:
    """Return a planned file of compose's."""
    return yaml.load(text(name, **options).replace("!override", "").replace("!reset", ""), Loader=yaml.BaseLoader)


def test_volumes_of_compose() -> None:
    """Volumes are mounted where they can be written, and not in development, where the project itself is."""
    compose, dev = loaded("compose.yaml", **VOLUMES), loaded("compose.dev.yaml", **VOLUMES)

    assert compose["services"]["web"]["volumes"] == ["uploads:/app/uploads", "data:/data"]
    assert compose["volumes"] == {"uploads": "", "data": ""}
    assert dev["services"]["web"]["volumes"] == [".:/app", "data_dev:/data"]
    assert dev["volumes"] == {"data_dev": ""}
    assert "    volumes: !override # " in text("compose.dev.yaml", **VOLUMES)
    owned = "    && install -d -o 10001 -g 10001 -m 0777 "
    assert [line for line in text("Dockerfile", **VOLUMES).splitlines() if line.startswith(owned)] == [
        f"{owned}/app/uploads \\",
        f"{owned}/data \\",
    ]
    usual = text(".dockerignore").splitlines()
    assert [line for line in text(".dockerignore", **VOLUMES).splitlines() if line not in usual] == [
        "# on volumes",
        "uploads",
    ]
    bound = loaded("compose.yaml", mode="bind", targets="docker,compose", **VOLUMES)
    assert bound["services"]["web"]["volumes"] == [".:/app:ro", "uploads:/app/uploads", "data:/data"]


def test_no_volumes() -> None:
    """Without volumes no file has any; while developing the project can be written."""
    assert {"volumes"} & {*loaded("compose.yaml"), *loaded("compose.yaml")["services"]["web"]} == set()
    assert loaded("compose.dev.yaml")["services"]["web"]["volumes"] == [".:/app"]
    assert "!override" not in text("compose.dev.yaml")
    assert not lines("shop.service", "^(StateDirectory|BindPaths)=")


@pytest.mark.parametrize(("replicas", "mode", "kinds"), [(1, "ReadWriteOnce", 0), (2, "ReadWriteMany", 1)])
def test_volumes_of_kubernetes(replicas: int, mode: str, kinds: int) -> None:
    """Each volume has a claim that the pod's group can write; one pod alone is replaced, and not multiplied."""
    documents = list(yaml.safe_load_all(text("k8s.yaml", replicas=replicas, **VOLUMES)))
    deployment = documents[0]["spec"]
    pod = deployment["template"]["spec"]

    claims = [it for it in documents if it["kind"] == "PersistentVolumeClaim"]
    assert [(it["metadata"]["name"], it["spec"]["accessModes"]) for it in claims] == [
        ("shop-uploads", [mode]),
        ("shop-data", [mode]),
    ]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "volume-uploads", "mountPath": "/app/uploads"},
        {"name": "volume-data", "mountPath": "/data"},
    ]
    assert pod["volumes"][1:] == [
        {"name": "volume-uploads", "persistentVolumeClaim": {"claimName": "shop-uploads"}},
        {"name": "volume-data", "persistentVolumeClaim": {"claimName": "shop-data"}},
    ]
    assert pod["securityContext"]["fsGroup"] == 10001
    assert ("rollingUpdate" in deployment["strategy"]) is bool(kinds)
    assert [it["kind"] for it in documents].count("HorizontalPodAutoscaler") == kinds


def test_volumes_of_a_unit() -> None:
    """Systemd keeps each volume's content, and shows it where the app looks for it."""
    assert lines("shop.service", "^StateDirectory=", **VOLUMES) == ["shop/uploads shop/data"]
    assert lines("shop.service", "^BindPaths=", **VOLUMES) == [
        "/var/lib/shop/uploads:/srv/shop/uploads",
        "/var/lib/shop/data:/data",
    ]


@pytest.mark.parametrize(("memory", "size"), [("512M", "256M"), ("1G", "512M"), ("3M", "1M"), ("1M", "1M")])
def test_the_size_of_tmp(memory: str, size: str) -> None:
    """/tmp is in memory, and holds half of what there is: a full one fails a request, and the container lives."""
    assert plan.tmp_size(memory) == size
    assert lines("compose.yaml", "- /tmp:", memory=memory) == [f"size={size.lower()} # in memory: half of mem_limit"]
    assert lines("k8s.yaml", "emptyDir: ", memory=memory) == [
        f"{{medium: Memory, sizeLimit: {size}i}} # half of the limit: a full one is an error, no eviction"
    ]


def test_notes_on_volumes(lay: Lay) -> None:
    """Several pods that share a volume, and a folder that only the user can make, are told."""
    root = lay({"requirements.txt": "fastapi\n"})
    volume = ("u:/app/uploads", "d:/data")

    known = ScaffoldRequest(targets="k8s", domain="a.b", image="x/shop", proxy_namespace="x", volume=volume)
    assert detect(known, root).notes == (
        "2 replicas share each volume, which has to be ReadWriteMany: or pass --replicas 1",
    )
    assert detect(known._replace(replicas=1), root).notes == ()
    assert detect(ScaffoldRequest(mode="bind", volume=volume), root).notes == (
        "make the folder `uploads`: in mounted code, which is read-only, no engine can",
    )
    (root / "uploads").mkdir()
    assert detect(ScaffoldRequest(mode="bind", volume=volume), root).notes == ()


PASS = "only volumes and /tmp are writable: pass --volume NAME:"
REFUSED = [
    ("OSError: [Errno 30] Read-only file system: 'uploads'", f"{PASS}/app/uploads, or its folder"),
    ("PermissionError: [Errno 13] Permission denied: '/data/x'", f"{PASS}/data/x, or its folder"),
    *(
        (line, "SQLite writes beside its file: pass --volume data:/app/data, and put the file there")
        for line in (
            "error: the app's startup failed: OperationalError: unable to open database file",
            "attempt to write a readonly database",
        )
    ),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'x'", None),
]


@pytest.mark.parametrize(("line", "hint"), REFUSED)
def test_why_a_trial_failed(line: str, hint: str | None) -> None:
    """`--verify` tells the option that lets a program write which ends because it may not."""
    assert refusals.hint(["started", line, "stopped"], ScaffoldRequest()) == hint
