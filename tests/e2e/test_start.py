"""A start that takes long, or fails: what is said of it, and that the process ends."""

import sys

import pytest

from tests.conftest import Serve, Write

BARE = "async def app(scope, receive, send): ...\n"
GUARD = '`if __name__ == "__main__":`'
WAITS = "import threading\nthreading.Event().wait(60)\n"
WORKS = "import time\nwhile True:\n    sum(range(9999)); time.sleep(0.01)\n"
RUNS = "import asyncio\nasync def main(): await asyncio.sleep(60)\nasyncio.run(main())\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (WAITS + BARE, "(main.py:2)"),
        (WORKS + BARE, r"(main.py:[23])"),
        (RUNS + BARE, f"(main.py:3): `asyncio.run(main())` belongs below {GUARD}"),
    ],
    ids=["waits", "works", "runs a loop of its own"],
)
def test_a_long_import_is_named(serve: Serve, write: Write, source: str, said: str) -> None:
    """An import that waits or works for five seconds is named with its line."""
    write({"main.py": source})

    served = serve("main:app")
    line = served.wait_for(r"note: the import of the app has taken \d+ s so far (.*)")[1]
    served.ctrl_c()

    assert line == said or (said.startswith(r"(main.py:[") and line in {"(main.py:2)", "(main.py:3)"})
    assert served.end()[0] == 3


# What holds up the end of a process whose startup has failed.
FAILS = {
    "a thread": "import threading\nthreading.Thread(target=threading.Event().wait, args=(60,)).start()\n",
    "an exit handler": "import atexit, threading\natexit.register(threading.Event().wait, 60)\n",
    "a thread of the loop": "",
}
APP = """
import asyncio, threading
async def app(scope, receive, send):
    await receive()
    {}
    await send({{"type": "lifespan.startup.failed", "message": "no database"}})
"""


@pytest.mark.parametrize("case", FAILS)
@pytest.mark.parametrize("options", [(), ("--check",), ("--workers", "2")], ids=["one", "check", "workers"])
def test_a_startup_that_fails_ends_the_process(serve: Serve, write: Write, case: str, options: tuple[str, ...]) -> None:
    """The reason is told and the process ends with status 3, whatever holds it up."""
    waits = "asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 60)"
    write({"main.py": FAILS[case] + APP.format("" if FAILS[case] else waits)})

    status, lines = serve("main:app", *options).end(within=30)

    assert (status, lines[0]) == (3, "error: the app's startup failed: no database")
    assert len([line for line in lines if line.startswith("error")]) == 1


def test_django_is_checked(serve: Serve, write: Write) -> None:
    """`--check` runs Django's own checks, which load the URLs; `--dev` mentions migrations that are not applied."""
    manage = "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
    settings = (
        "SECRET_KEY = 'x'\nDEBUG = True\nROOT_URLCONF = 'site1.urls'\n"
        "DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db'}}\n"
    )
    asgi = f"{manage}from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
    folder = write(
        {
            "manage.py": manage,
            "site1/settings.py": settings,
            "site1/urls.py": "urlpatterns = []\n",
            "site1/asgi.py": asgi,
        }
    )

    served = serve("--dev")
    served.wait_for(r"^note: 2 migrations are not applied \(contenttypes\): `python manage.py migrate`$")
    assert served.stop()[0] == 0
    assert serve("--check").end()[0] == 0

    (folder / "site1" / "urls.py").write_text("from nosuch import views\n")
    status, lines = serve("--check").end()
    assert status == 3
    assert lines == [
        "error: Django's checks failed: ModuleNotFoundError: No module named 'nosuch' (site1/urls.py:1)",
        f"hint: install it where asgictl runs: `{sys.executable} -m pip install nosuch`",
    ]
