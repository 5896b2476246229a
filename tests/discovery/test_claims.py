"""Which app the files of a project name: each file, each way to write it, and what is left alone."""
# ruff: noqa: E501  # one case a line reads better

import pytest

from asgictl import pyproject, signature
from asgictl.discovery import declared, find
from tests.conftest import Write

Files = dict[str, str]

SITE = "from fastapi import FastAPI\nsite = FastAPI()\n"
OTHER = {"main.py": "from fastapi import FastAPI\napp = FastAPI()\n"}
WEB = {"web.py": SITE, **OTHER}
NONE = ("main:app", "found in main.py, line 2")
DOCKERFILE = "FROM python\nCMD uvicorn web:site\n"
SERVICE = "services:\n  web:\n    command: uvicorn web:site\n"
RULE = "run:\n\tuvicorn web:site\n"
FLASK = "from flask import Flask\napp = Flask('x')\n"

# The files, the app, and where it is named.
NAMED: dict[str, tuple[Files, str, str]] = {
    **{name: ({name: "A=1\nFLASK_APP=web:site\n"}, "web:site", f"named in {name}, line 2") for name in (".env", ".flaskenv")},
    **{name: ({name: DOCKERFILE}, "web:site", f"named in {name}, line 2") for name in ("Dockerfile", "Containerfile")},
    **{name: ({name: SERVICE}, "web:site", f"named in {name}, line 3") for name in ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")},
    **{name: ({name: RULE}, "web:site", f"named in {name}, line 2") for name in ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile")},
    "a Dockerfile with a here-document": ({"Dockerfile": "FROM python\nRUN <<EOF cat\nCMD uvicorn main:app\nEOF\nCMD uvicorn \\\n  # here\n  web:site\n"}, "web:site", "named in Dockerfile, line 5"),
    "a Dockerfile with another escape": ({"Dockerfile": "# escape=`\nFROM python\nCMD uvicorn `\n  web:site\n"}, "web:site", "named in Dockerfile, line 3"),
    "QUART_APP in .env": ({".env": "QUART_APP=web:site\n"}, "web:site", "named in .env, line 1"),
    "LITESTAR_APP in .env": ({".env": "LITESTAR_APP=web:site\n"}, "web:site", "named in .env, line 1"),
    "exported in .env": ({".env": "\n\nexport FLASK_APP='web:site'\n"}, "web:site", "named in .env, line 3"),
    "behind several lines in .env": ({".env": "A='x\ny'\n\n# z\nFLASK_APP=web:site\n"}, "web:site", "named in .env, line 5"),
    "empty in .env": ({".env": "FLASK_APP=\n"}, *NONE),
    "another variable in .env": ({".env": "APP=web:site\n"}, *NONE),
    ".env before .flaskenv": ({".env": "FLASK_APP=web:site\n", ".flaskenv": "FLASK_APP=main:app\n"}, "web:site", "named in .env, line 1"),
    "a Procfile without web": ({"Procfile": "worker: celery -A x worker\nserver: uvicorn web:site\n"}, "web:site", "named in Procfile, line 2"),
    "web in a Procfile before others": ({"Procfile": "api: uvicorn main:app\nweb : uvicorn web:site\n"}, "web:site", "named in Procfile, line 2"),
    "two of a Procfile": ({"Procfile": "a: uvicorn main:app\nb: uvicorn web:site\n"}, *NONE),
    "the first of two alike in a Procfile": ({"Procfile": "web: uvicorn web:site\nweb: uvicorn main:app\n"}, "web:site", "named in Procfile, line 1"),
    "no command in a Procfile": ({"Procfile": "uvicorn web:site\n"}, *NONE),
    "gunicorn's file with spaces": ({"gunicorn.conf.py": 'x = 1\nwsgi_app="web:site"\n'}, "web:site", "named in gunicorn.conf.py, line 2"),
    "something else in gunicorn's file": ({"gunicorn.conf.py": "my_wsgi_app = 'web:site'\n# wsgi_app = 'web:site'\n"}, *NONE),
    # Dockerfiles.
    "Dockerfile before Containerfile": ({"Dockerfile": DOCKERFILE, "Containerfile": "CMD uvicorn main:app\n"}, "web:site", "named in Dockerfile, line 2"),
    "a small letter": ({"Dockerfile": "from python\ncmd uvicorn web:site\n"}, "web:site", "named in Dockerfile, line 2"),
    "the last of several CMDs": ({"Dockerfile": "FROM x\nCMD uvicorn main:app\nCMD uvicorn web:site\n"}, "web:site", "named in Dockerfile, line 3"),
    "a stage from another": ({"Dockerfile": "FROM x AS base\nENV APP=web:site\nFROM base\nCMD uvicorn $APP\n"}, "web:site", "named in Dockerfile, line 4"),
    "another stage's variables": ({"Dockerfile": "FROM x AS base\nENV APP=web:site\nFROM y\nCMD uvicorn ${APP:-main:app}\n"}, "main:app", "named in Dockerfile, line 4"),
    "a stage without a command": ({"Dockerfile": "FROM x\nCMD uvicorn web:site\nFROM y\n"}, *NONE),
    "ARG": ({"Dockerfile": 'FROM x\nARG APP="web:site"\nCMD uvicorn $APP\n'}, "web:site", "named in Dockerfile, line 3"),
    "ENV with a blank": ({"Dockerfile": "FROM x\nENV FLASK_APP web:site\nCMD flask run\n"}, "web:site", "named in Dockerfile, line 3"),
    "several in one ENV": ({"Dockerfile": "FROM x\nENV A=1 \\\n    FLASK_APP='web:site'\nCMD [\"flask\", \"run\"]\n"}, "web:site", "named in Dockerfile, line 4"),
    "FLASK_APP alone": ({"Dockerfile": "FROM x\nENV FLASK_APP=web:site\nCMD true\n"}, "web:site", "named in Dockerfile, line 2"),
    "APP_MODULE": ({"Dockerfile": "FROM x\nENV APP_MODULE=web:site\n"}, "web:site", "named in Dockerfile, line 2"),
    "MODULE_NAME alone": ({"Dockerfile": "FROM x\n\nENV MODULE_NAME=two\n", "two.py": FLASK}, "two:app", "named in Dockerfile, line 3"),
    "APP_MODULE before MODULE_NAME": ({"Dockerfile": "FROM x\nENV MODULE_NAME=main\nENV APP_MODULE=web:site\n"}, "web:site", "named in Dockerfile, line 3"),
    "ENTRYPOINT alone": ({"Dockerfile": 'FROM x\nENTRYPOINT ["uvicorn", "web:site"]\n'}, "web:site", "named in Dockerfile, line 2"),
    "CMD for an ENTRYPOINT of a shell": ({"Dockerfile": 'FROM x\nENTRYPOINT exec uvicorn web:site\nCMD ["--port", "80"]\n'}, "web:site", "named in Dockerfile, line 2"),
    "a comment between lines": ({"Dockerfile": "FROM x\nCMD uvicorn \\\n# main:app\n  web:site\n"}, "web:site", "named in Dockerfile, line 2"),
    "a commented command": ({"Dockerfile": "FROM x\n# CMD uvicorn web:site\n"}, *NONE),
    "a working directory": ({"Dockerfile": "FROM x\nWORKDIR /srv\nWORKDIR back\nCOPY api .\nCMD uvicorn web:site\n", "api/web.py": SITE, "web.py": ""}, "web:site", "named in Dockerfile, line 5"),
    "ADD": ({"Dockerfile": "FROM x\nWORKDIR /srv\nADD --chown=a:b Xapi /srv/\nCMD uvicorn web:site\n", "Xapi/web.py": SITE, "web.py": ""}, "web:site", "named in Dockerfile, line 4"),
    "what comes from another stage": ({"Dockerfile": "FROM x\nWORKDIR /srv\nCOPY --from=build api /srv\nCMD uvicorn web:site\n", "api/web.py": SITE, "web.py": ""}, *NONE),
    "below the working directory": ({"Dockerfile": "FROM x\nWORKDIR /srv\nCOPY api /srv/lib\nCMD uvicorn web:site\n", "api/web.py": SITE, "web.py": ""}, "web:site", "named in Dockerfile, line 4"),
    "a script beside others": ({"Dockerfile": 'FROM x\nCOPY a.txt docker/run.sh /bin/\nENTRYPOINT ["/bin/run.sh"]\n', "docker/run.sh": "\nuvicorn web:site\n"}, "web:site", "named in docker/run.sh, line 2"),
    "a script with its arguments": ({"Dockerfile": 'FROM x\nCMD ["sh", "scripts/run.sh"]\n', "scripts/run.sh": "export APP='web:site'\nuvicorn \\\n  $APP\n"}, "web:site", "named in scripts/run.sh, line 1"),
    "a script of any ending": ({"Dockerfile": "FROM x\nCMD ./start\n", "start": "uvicorn web:site\n"}, "web:site", "named in start, line 1"),
    "an entry point": ({"Dockerfile": "FROM x\nENTRYPOINT /docker-entrypoint\n", "docker-entrypoint": "uvicorn web:site\n"}, "web:site", "named in docker-entrypoint, line 1"),
    "a script with a variable of the image": ({"Dockerfile": "FROM x\nENV APP=web:site\nCMD ./run.sh\n", "run.sh": "uvicorn $APP\n"}, "web:site", "named in run.sh"),
    "a script's variable before the image's": ({"Dockerfile": "FROM x\nENV APP=main:app\nCMD ./run.sh\n", "run.sh": "APP=web:site\nuvicorn $APP\n"}, "web:site", "named in run.sh, line 1"),
    "a script that starts nothing": ({"Dockerfile": "FROM x\nCMD ./run.sh\n", "run.sh": "echo\n"}, *NONE),
    # Compose.
    "compose.yaml before others": ({"compose.yaml": SERVICE, "docker-compose.yml": "services: {w: {command: uvicorn main:app}}\n"}, "web:site", "named in compose.yaml, line 3"),
    "a list": ({"compose.yaml": "services:\n  w:\n    command:\n      - uvicorn\n      - web:site\n"}, "web:site", "named in compose.yaml, line 5"),
    "an entry point of a service": ({"compose.yaml": "services:\n  w:\n    entrypoint: uvicorn web:site\n"}, "web:site", "named in compose.yaml, line 3"),
    "an entry point and a command": ({"compose.yaml": "services:\n  w:\n    entrypoint: [uvicorn]\n    command: [web:site, --port, 80]\n"}, "web:site", "named in compose.yaml, line 4"),
    "a service's variables": ({"compose.yaml": "services:\n  w:\n    environment: {APP: web:site, N: 1, L: [x]}\n    command: uvicorn $APP\n"}, "web:site", "named in compose.yaml, line 3"),
    "a service's list of variables": ({"compose.yaml": "services:\n  w:\n    environment: [APP=web:site, 5]\n    command: uvicorn $APP\n"}, "web:site", "named in compose.yaml, line 3"),
    "a service's FLASK_APP": ({"compose.yaml": "services:\n  w:\n    environment: [FLASK_APP=web:site]\n    command: sh -c 'x && flask db && wait'\n"}, "web:site", "named in compose.yaml, line 3"),
    "a service's FLASK_APP for another program": ({"compose.yaml": "services:\n  w:\n    environment: [FLASK_APP=web:site]\n    command: celery worker\n"}, *NONE),
    "a service in a folder": ({"compose.yaml": "services:\n  w:\n    working_dir: Xapi\n    command: uvicorn web:site\n", "Xapi/web.py": SITE, "web.py": ""}, "web:site", "named in compose.yaml, line 4"),
    "a service that is built elsewhere": ({"compose.yaml": "services:\n  w:\n    build: api\n    command: uvicorn web:site\n", "api/web.py": SITE, "web.py": ""}, "web:site", "named in compose.yaml, line 4"),
    "another Dockerfile": ({"compose.yaml": "services:\n  w:\n    build: {context: ., dockerfile: docker/web.dockerfile}\n", "docker/web.dockerfile": DOCKERFILE}, "web:site", "named in docker/web.dockerfile, line 2"),
    "two services that say the same": ({"compose.yaml": SERVICE + "  two:\n    command: uvicorn web:site --port 81\n"}, "web:site", "named in compose.yaml, line 3"),
    "two services": ({"compose.yaml": SERVICE + "  two:\n    command: uvicorn main:app\n"}, *NONE),
    "no services": ({"compose.yaml": "web:\n  command: uvicorn web:site\n"}, *NONE),
    # Scripts and rules.
    **{f"a task of {tool}": ({"pyproject.toml": f"[tool.{tool}]\nscripts = {{serve = ['uvicorn web:site']}}\n"}, "web:site", "named in pyproject.toml, line 2") for tool in ("poe", "taskipy", "pdm", "hatch", "rye", "pixi")},
    "a task of another tool": ({"pyproject.toml": "[tool.other]\nserve = 'uvicorn web:site'\n"}, *NONE),
    "words of a task": ({"pyproject.toml": "[tool.pdm.scripts]\nserve = ['uvicorn', '--reload', 'web:site']\n"}, "web:site", "named in pyproject.toml, line 2"),
    "tasks in a list": ({"pyproject.toml": "[tool.poe.tasks]\nserve = [{cmd = 'true'}, {cmd = 'uvicorn web:site'}]\n"}, "web:site", "named in pyproject.toml, line 2"),
    "two tasks that say the same": ({"pyproject.toml": "[tool.poe]\na = 'uvicorn web:site'\nb = 'uvicorn web:site'\n"}, "web:site", "named in pyproject.toml, line 2"),
    "a script of Poetry's": ({"pyproject.toml": "[tool.poetry.scripts]\nx = 'cli:main'\n", "cli.py": "import uvicorn\ndef main(): uvicorn.run('web:site')\n"}, "web:site", "named in pyproject.toml, line 2"),
    "a rule with a variable": ({"Makefile": "export APP := web:site\nrun:\n\t-uvicorn ${APP}\n"}, "web:site", "named in Makefile, line 3"),
    "a service in a folder of the image": ({"compose.yaml": "services:\n  w:\n    working_dir: '/code/api/'\n    command: uvicorn web:site\n", "api/web.py": SITE, "web.py": ""}, "web:site", "named in compose.yaml, line 4"),
    "a rule that sets a variable of the shell": ({"Makefile": "run:\n\tX=web:site; uvicorn $X\n"}, "web:site", "named in Makefile, line 2"),
    "a rule on one line": ({"Makefile": "run: x ; @uvicorn web:site\n"}, "web:site", "named in Makefile, line 1"),
    "no rule": ({"Makefile": "uvicorn web:site\nx = 1; uvicorn web:site\n"}, *NONE),
    "a rule's comment": ({"Makefile": "run:\n\t# uvicorn web:site\n"}, *NONE),
    "Makefile before justfile": ({"Makefile": RULE, "justfile": "run:\n  uvicorn main:app\n"}, "web:site", "named in Makefile, line 2"),
    # Which of them comes first.
    "an environment file before a Procfile": ({".env": "FLASK_APP=web:site\n", "Procfile": "web: uvicorn main:app\n"}, "web:site", "named in .env, line 1"),
    "a Procfile before gunicorn's file": ({"Procfile": "web: uvicorn web:site\n", "gunicorn.conf.py": "wsgi_app = 'main:app'\n"}, "web:site", "named in Procfile, line 1"),
    "gunicorn's file before a Dockerfile": ({"gunicorn.conf.py": "wsgi_app = 'web:site'\n", "Dockerfile": "CMD uvicorn main:app\n"}, "web:site", "named in gunicorn.conf.py, line 1"),
    "a Dockerfile before compose": ({"Dockerfile": DOCKERFILE, "compose.yaml": "services: {w: {command: uvicorn main:app}}\n"}, "web:site", "named in Dockerfile, line 2"),
    "compose before scripts": ({"compose.yaml": SERVICE, "pyproject.toml": "[tool.poe]\na = 'uvicorn main:app'\n"}, "web:site", "named in compose.yaml, line 3"),
    "scripts before a Makefile": ({"pyproject.toml": "[tool.poe]\na = 'uvicorn web:site'\n", "Makefile": "run:\n\tuvicorn main:app\n"}, "web:site", "named in pyproject.toml, line 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMED)
def test_what_a_file_names(write: Write, case: str) -> None:
    """The app that the project's own start command names is served, and the banner says where it was read."""
    files, expected, how = NAMED[case]

    ref = find(None, write({**WEB, **files}), {}, lambda _: None)

    assert (str(ref), ref.found, ref.notes) == (expected, how, ())


@pytest.mark.parametrize(("name", "text"), [("Dockerfile", DOCKERFILE), ("compose.yaml", SERVICE)])
def test_what_scaffold_has_written(write: Write, name: str, text: str) -> None:
    """What `asgictl scaffold` has written names no app, until the user has edited it."""
    signed = signature.signed(text)

    assert find(None, write({**WEB, name: signed}), {}, lambda _: None).found == NONE[1]
    for edited in (f"{signed}# mine\n", text):
        assert find(None, write({**WEB, name: edited}), {}, lambda _: None).found.startswith(f"named in {name}")


SCRIPTS: dict[str, tuple[Files, str, str, tuple[str, ...]]] = {
    "that starts what it makes": ({"serve.py": SITE + "import uvicorn\nif __name__ == '__main__':\n    uvicorn.run(site)\n"}, "serve:site", "named in Procfile, line 1", ()),
    "that starts what another makes": ({"serve.py": "import uvicorn\nfrom web import site as it\nuvicorn.run(it)\n"}, "web:site", "named in Procfile, line 1", ()),
    "that starts a name": ({"serve.py": "import uvicorn\nuvicorn.run('web:site')\n"}, "web:site", "named in Procfile, line 1", ()),
    "that starts what nobody knows": (
        {"serve.py": "import uvicorn\nuvicorn.run(app)\n"},
        *NONE,
        ("`serve.py`, named in Procfile, line 1, is passed over: no app was found: `{}/serve.py` starts a server, line 2",),
    ),
    "that starts nothing": (
        {"serve.py": "x = 1\n"},
        *NONE,
        ("`serve.py`, named in Procfile, line 1, is passed over: `{}/serve.py` holds no app that can be recognised",),
    ),
    "that is not there": ({}, *NONE, ("`serve.py`, named in Procfile, line 1, cannot be served from here: it is passed over",)),
    "that is broken": (
        {"serve.py": "x = (\n"},
        *NONE,
        ("`serve.py`, named in Procfile, line 1, is passed over: cannot load `{}/serve.py`: SyntaxError: '(' was never closed ({}/serve.py:1)",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SCRIPTS)
def test_a_script_that_is_run(write: Write, case: str) -> None:
    """Of a script that is run the app is served that it starts, and one that starts none is told of."""
    files, expected, how, notes = SCRIPTS[case]
    folder = write({**WEB, "Procfile": "web: python serve.py\n", **files})

    ref = find(None, folder, {}, lambda _: None)

    assert (str(ref), ref.found, ref.notes) == (expected, how, tuple(it.replace("{}", str(folder)) for it in notes))


def test_files_that_are_passed_over(write: Write) -> None:
    """A file that is too large, or a folder, is passed over with a note, and what names nothing here is told."""
    folder = write({**OTHER, "Procfile": "web: uvicorn gone:app\n", "Dockerfile": "#" * 200_001})
    (folder / "Makefile").mkdir()

    ref = find(None, folder, {"QUART_APP": "nowhere"}, lambda _: None)

    assert (str(ref), ref.notes) == (
        "main:app",
        (
            "`nowhere`, named by the variable QUART_APP, cannot be served from here: it is passed over",
            "`gone:app`, named in Procfile, line 1, cannot be served from here: it is passed over",
            f"`{folder}/Dockerfile` is passed over: it is larger than 200000 bytes",
            f"`{folder}/Makefile` is passed over: Is a directory",
        ),
    )


def test_how_much_is_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file that nests, and scripts, are read up to a limit, which real ones do not reach."""
    tasks = "".join(f"t{number} = 'uvicorn no{number}:app'\n" for number in range(3))
    folder = write({**WEB, "compose.yaml": "x: [[[]]]\n" + SERVICE, "pyproject.toml": f"[tool.poe]\n{tasks}"})

    def found() -> list[str]:
        around = pyproject.find(folder)
        claims = declared.claims(folder, {}, around, lambda _: None)
        return [claim.named.app for group in claims for claim in group]

    assert found() == ["web:site", "no0:app", "no1:app", "no2:app"]
    monkeypatch.setattr(declared, "_DEPTH", 3)
    monkeypatch.setattr(declared, "_SCRIPTS", 2)
    assert found() == ["web:site", "no0:app", "no1:app"]
    monkeypatch.setattr(declared, "_DEPTH", 2)
    assert found() == ["no0:app", "no1:app"]


def test_what_each_step_says(write: Write) -> None:
    """What a file names is told with where it was read, also where it is not taken, and why."""
    folder = write(
        {
            "Makefile": "a:\n\tuvicorn web:site\nb:\n\tuvicorn main:app\nc:\n\tuvicorn tests.x:app\nd:\n\tuvicorn no:app\n",
            "tests/x.py": OTHER["main.py"],
            **WEB,
        }
    )
    steps: list[str] = []

    find(None, folder, {}, steps.append)

    assert [step.replace(str(folder), "{}") for step in steps] == [
        "no app named on the command line or by ASGICTL_APP",
        "no app named in pyproject.toml",
        "`x:app`, named in Makefile, line 6, is not the project's own",
        "`tests.x:app`, named in Makefile, line 6, cannot be served from here",
        "`no:app` from Makefile, line 8 in `{}`: there is no module `no` in `{}`",
        "`no:app`, named in Makefile, line 8, cannot be served from here",
        "several apps are named in Makefile, line 2: web:site, main:app",
        "no Django project here: neither `manage.py` nor DJANGO_SETTINGS_MODULE",
        "`main.py` holds `app` (FastAPI) in line 2",
    ]


def test_one_of_another_project(
    write: Write, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the same name that is installed is not the one that is meant, where the project has its own."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "storefront.py").write_text(SITE)
    monkeypatch.syspath_prepend(elsewhere)
    folder = write({"src/storefront.py": SITE, **OTHER, "Procfile": "web: uvicorn storefront:site\n"})

    ref = find(None, folder, {}, lambda _: None)

    assert (str(ref), ref.file) == ("storefront:site", folder / "src/storefront.py")


def test_relative_imports_without_a_package(write: Write) -> None:
    """In a folder whose modules import each other relatively the app is imported from the folder above."""
    folder = write({"shop/web.py": f"from . import db\n{SITE}", "shop/db.py": ""})

    ref = find("web.py", folder / "shop", {}, lambda _: None)

    assert (str(ref), ref.path) == ("shop.web:site", (str(folder),))
