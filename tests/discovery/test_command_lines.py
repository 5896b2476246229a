"""What command lines that start a server name: read as text, as a shell and the servers would."""
# ruff: noqa: E501  # one case a line reads better

import pytest

from asgictl.discovery.declared import command_lines
from asgictl.discovery.declared.command_lines import Named

# A command line, and what it names: the app, the folder, whether it is a factory, or a script.
COMMANDS = {
    "uvicorn main:app": Named("main:app"),
    "uvicorn --host 0.0.0.0 --port 80 app.main:app --reload": Named("app.main:app"),
    "uvicorn --factory shop:create_app --app-dir src": Named("shop:create_app", "src", factory=True),
    "uvicorn --app-dir=src --no-access-log shop:app": Named("shop:app", "src"),
    "gunicorn app:app -k uvicorn.workers.UvicornWorker --chdir src -b 0.0.0.0:80": Named("app:app", "src"),
    "gunicorn config.wsgi --log-file -": Named("config.wsgi"),
    "gunicorn --preload --bind :$PORT 'shop:create_app(\"dev\")'": Named('shop:create_app("dev")'),
    "hypercorn file:app.py": Named("app.py"),
    "granian --interface asgi main:app --working-dir api": Named("main:app", "api"),
    "daphne -b 0.0.0.0 -p 8000 mysite.asgi:application": Named("mysite.asgi:application"),
    "waitress-serve --port=8000 --call flaskr:create_app": Named("flaskr:create_app", factory=True),
    "flask --app flaskr run --debug": Named("flaskr"),
    "quart --app shop.web run": Named("shop.web"),
    "litestar --app shop.web:app run": Named("shop.web:app"),
    "fastapi run app/main.py --port 80": Named("app/main.py"),
    "fastapi dev --app site main.py": Named("main.py:site"),
    "fastapi run --entrypoint shop.web:site": Named("shop.web:site"),
    "sanic server.app": Named("server.app"),
    "uwsgi --http :5000 --module wsgi:app": Named("wsgi:app"),
    "uwsgi --wsgi-file foo.py --callable site": Named("foo.py:site"),
    "asgictl serve shop:app --prod": Named("shop:app"),
    "poetry run uvicorn main:app": Named("main:app"),
    "python -m uvicorn main:app": Named("main:app"),
    "$(BIN)/uvicorn main:app": Named("main:app"),
    "/opt/venv/bin/gunicorn main:app": Named("main:app"),
    "A=1 exec opentelemetry-instrument uvicorn main:app": Named("main:app"),
    "cd backend && uvicorn main:app": Named("main:app", "backend"),
    "cd a; cd b; gunicorn --chdir c main:app": Named("main:app", "a/b/c"),
    "sh -c 'uvicorn main:app'": Named("main:app"),
    "uvicorn ${APP_MODULE:-app.main:app}": Named("app.main:app"),
    "python -u app.py": Named("app.py", script=True),
    "python3.12 -m shop": Named("shop", script=True),
    "uwsgi shop.web": Named("shop.web"),
    "uwsgi -w shop.web": Named("shop.web"),
    "uwsgi --wsgi shop.web": Named("shop.web"),
    "flask -A shop run": Named("shop"),
    "quart -A shop run": Named("shop"),
    "quart --app=shop run": Named("shop"),
    "fastapi run -e shop.web": Named("shop.web"),
    "fastapi -A shop run": None,
    "waitress-serve shop.web": Named("shop.web"),
    "python -m waitress shop.web": Named("shop.web"),
    "python -m uvicorn shop.web": Named("shop.web"),
    "waitress shop.web": Named("shop.web"),
    "uvicorn shop.web": Named("shop.web"),
    "gunicorn shop.web": Named("shop.web"),
    "hypercorn asgi:shop.web:app": Named("shop.web:app"),
    "hypercorn wsgi:shop.web:app": Named("shop.web:app"),
    "granian shop.web": Named("shop.web"),
    "granian -d api shop.web": Named("shop.web", "api"),
    "uvicorn -d api shop.web": Named("shop.web"),
    "gunicorn --pythonpath api shop.web": Named("shop.web", "api"),
    "daphne shop.asgi": Named("shop.asgi"),
    "asgictl start shop.web": Named("shop.web"),
    "asgictl serve serve:app": Named("serve:app"),
    "fastapi dev shop/web.py": Named("shop/web.py"),
    "sanic run shop.web": Named("shop.web"),
    "uvicorn run": Named("run"),
    "uvicorn 8000 shop.web": Named("shop.web"),
    "uvicorn 127.0.0.1 shop.web": Named("shop.web"),
    "uvicorn http://x shop.web": Named("shop.web"),
    "uvicorn one two": Named("one"),
    "uvicorn ./src/my-app.py": Named("./src/my-app.py"),
    "gunicorn 'shop:make()'": Named("shop:make()"),
    "gunicorn --unknown shop:app": Named("shop:app"),
    "gunicorn --unknown shop:app other:app": Named("other:app"),
    "gunicorn --unknown one:app --other two:app": Named("one:app"),
    "uwsgi --module shop --callable site": Named("shop:site"),
    "uwsgi --module shop:web --callable site": Named("shop:web"),
    "cd /srv/api && uvicorn --app-dir /opt shop.web": Named("shop.web", "/opt"),
    "cd api; cd /srv; uvicorn shop.web": Named("shop.web", "/srv"),
    "cd; uvicorn shop.web": Named("shop.web"),
    "cd api || uvicorn shop.web": Named("shop.web", "api"),
    "cat x | uvicorn shop.web": Named("shop.web"),
    "sleep 1 & uvicorn shop.web": Named("shop.web"),
    "bash -lc 'uvicorn shop.web'": Named("shop.web"),
    "/bin/ash -ec 'uvicorn shop.web'": Named("shop.web"),
    "dash -c 'exec uvicorn shop.web'": Named("shop.web"),
    "sh -x 'uvicorn shop.web'": None,
    "zsh -c 'uvicorn shop.web'": None,
    "sh -c": None,
    "sh -c 'python app.py; uvicorn shop.web'": Named("shop.web"),
    "sh -c 'python app.py'": Named("app.py", script=True),
    "pypy3 app.py": Named("app.py", script=True),
    "python -OO -u app.py": Named("app.py", script=True),
    "pythonic app.py": None,
    "python -m 5": None,
    "python -c 'import app'": None,
    "python -X dev app.py": None,
    "python app": None,
    "APP=shop.web; uvicorn $APP": Named("shop.web"),
    "export A=1 APP=shop.web && uvicorn $APP": Named("shop.web"),
    "export A-B APP=shop.web && uvicorn $APP": None,
    "FLASK_APP=shop flask run": Named("shop"),
    "QUART_APP=shop quart run": Named("shop"),
    "FLASK_APP=shop quart run": None,
    "flask run -h 0.0.0.0": None,
    "python manage.py runserver": None,
    "celery -A shop worker": None,
    "uvicorn 'open quote": None,
    "uvicorn --port 80": None,
    "echo uvicorn": None,
    "npm start": None,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_names(command: str) -> None:
    """The app, where it is looked for, and nothing that only looks like one."""
    assert next(command_lines.read(command), None) == COMMANDS[command]


# What has no value: the word behind it is the app.
FLAGS = "--call --capture-output --check-config --daemon -D --debug --dev --factory --http2 --https --log-syslog --preload --prod"
MORE_FLAGS = (
    "--proxy-headers --reload -r -R --use-colors --fast --single-process --simple --access-log --traceback -v --verbose"
)
OTHERS = (
    "--reuse-port --enable-stdio-inheritance --spew --no-sendfile --reload-engine-poll --no-access-log --no-anything"
)


@pytest.mark.parametrize("flag", f"{FLAGS} {MORE_FLAGS} {OTHERS}".split())
def test_a_flag_has_no_value(flag: str) -> None:
    """What stands behind a server's flag is the app, and not what the flag is set to."""
    makes = flag in {"--call", "--factory"}

    assert command_lines.first(f"gunicorn {flag} shop.web") == Named("shop.web", factory=makes)


@pytest.mark.parametrize("option", ["--bind", "-b", "-k", "--workers", "--host"])
def test_an_option_has_one(option: str) -> None:
    """What stands behind an option of a server is not the app."""
    assert command_lines.first(f"gunicorn {option} shop.web other.web") == Named("other.web")


def test_a_server_counts_before_a_script() -> None:
    """Of several commands that of a server counts, or else the first script."""
    assert list(command_lines.read("python a.py\n\nuvicorn b:app # c:app\nuvicorn d:app")) == [
        Named("a.py", script=True),
        Named("b:app"),
        Named("d:app"),
    ]
    assert command_lines.first("python a.py\nuvicorn b:app") == Named("b:app")
    assert command_lines.first("python a.py\npython b.py") == Named("a.py", script=True)
    assert command_lines.first("echo") is None


def test_quotes_over_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is within the same quotes belongs together, for so many lines or signs; then they are no quotes."""
    text = "sh -c 'true\ntrue;\nuvicorn a:app'\nuvicorn b:app"
    assert command_lines.first(text) == Named("a:app")

    monkeypatch.setattr(command_lines, "_LINES", 3)
    assert command_lines.first(text) == Named("a:app")
    monkeypatch.setattr(command_lines, "_LINES", 2)
    assert list(command_lines.read(text)) == []  # the second pair begins in line 3
    assert list(command_lines.read("echo 'x\ny\nuvicorn b:app")) == [Named("b:app")]
    monkeypatch.undo()

    monkeypatch.setattr(command_lines, "_LONGEST", len("echo 'x y") + 1)
    assert list(command_lines.read("echo 'x\ny\nz\nuvicorn b:app")) == [Named("b:app")]
    assert list(command_lines.read("echo 'x\ny\nuvicorn b:app")) == []


FILLED = {
    "$A": "one",
    "${A}": "one",
    "${A:-x}": "one",
    "$B": "$B",
    "${B}": "${B}",
    "${B:-x y}": "x y",
    "${B-x}": "x",
    "${B:=x}": "x",
    "${B=x}": "x",
    "${B:-}": "",
    "$E": "",
    "${E:-x}": "",
    "a$A-${B:-c}": "aone-c",
    "${A:?x}": "${A:?x}",
    "$1": "$1",
}


@pytest.mark.parametrize("text", FILLED)
def test_a_variable_in_a_command(text: str) -> None:
    """A variable that is known is replaced, one with a default by that, and any other stays."""
    assert command_lines.filled(text, {"A": "one", "E": ""}) == FILLED[text]


def test_variables_are_filled_in() -> None:
    """Variables that are known, and defaults, as a shell does."""
    assert next(command_lines.read("gunicorn $APP", {"APP": "shop:app"}), None) == Named("shop:app")
    assert next(command_lines.read("gunicorn ${APP}", {"APP": "shop:app"}), None) == Named("shop:app")
    assert next(command_lines.read("gunicorn $APP"), None) is None


WITHOUT_A_VALUE = [
    *(
        "--call",
        "--capture-output",
        "--check-config",
        "--daemon",
        "-D",
        "--debug",
        "--dev",
        "--factory",
        "--http2",
        "--https",
    ),
    *(
        "--log-syslog",
        "--preload",
        "--prod",
        "--proxy-headers",
        "--reload",
        "-r",
        "-R",
        "--use-colors",
        "--fast",
        "--simple",
    ),
    *(
        "--single-process",
        "--access-log",
        "--traceback",
        "-v",
        "--verbose",
        "--reuse-port",
        "--enable-stdio-inheritance",
    ),
    *("--spew", "--no-sendfile", "--reload-engine-poll"),
]


@pytest.mark.parametrize("flag", WITHOUT_A_VALUE)
def test_flags_have_no_value(flag: str) -> None:
    """What stands behind an option without a value is the app."""
    (named,) = command_lines.read(f"gunicorn {flag} app.web")

    assert named.app == "app.web"
