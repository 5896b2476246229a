"""An app's name as users write it: what it is taken apart into, and what is said of one that names nothing."""
# ruff: noqa: E501  # one case a line reads better

from pathlib import Path

import pytest

from asgictl.discovery import AppRef, find, naming
from asgictl.errors import AsgictlError, ConfigError, StartError
from tests.conftest import Write

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


def look(folder: Path, app: str) -> AppRef:
    """Find the app of that name in a folder."""
    return find(app, folder, {}, lambda _: None)


SPLIT = {
    "m:app": ("m", "app", None),
    "C:/x/app.py:web": ("C:/x/app.py", "web", None),
    "C:\\x\\app.py:web": ("C:\\x\\app.py", "web", None),
    "C:/x/app.py": ("C:/x/app.py", None, None),
    "C:\\x\\app.py": ("C:\\x\\app.py", None, None),
    "main": ("main", None, None),
    "main:web.app": ("main", "web.app", None),
    "main:make()": ("main", "make", ""),
    "main:web.make( 'a', debug = True )": ("main", "web.make", "'a', debug=True"),
    "main:make(-1, (2,), {'a': [None]})": ("main", "make", "-1, (2,), {'a': [None]}"),
}


@pytest.mark.parametrize("app", SPLIT)
def test_takes_a_name_apart(app: str) -> None:
    """A drive's letter belongs to the path, and what a factory is called with are literals."""
    assert naming.split(app) == SPLIT[app]


FORMS = "write it as `module:attribute` or `path/to/file.py:attribute`"
LITERALS = "the arguments of a factory have to be literals, like `'dev'` or `debug=True`"
NO_OBJECTS = {
    "main:": ("`main:` names no object", "did you mean `main`?"),
    "main:5": ("`5` in `main:5` is not the name of an object", FORMS),
    "main:web[0]": ("`web[0]` in `main:web[0]` is not the name of an object", FORMS),
    "main:api[0]": ("`api[0]` in `main:api[0]` is not the name of an object", "did you mean `main:api`?"),
    "main:make(...)": ("`make(...)` in `main:make(...)` is not the name of an object", LITERALS),
    "main:make(**{})": ("`make(**{})` in `main:make(**{})` is not the name of an object", LITERALS),
    "main:make(*[1])": ("`make(*[1])` in `main:make(*[1])` is not the name of an object", LITERALS),
    "main:make(x)": ("`make(x)` in `main:make(x)` is not the name of an object", LITERALS),
    "main:make(debug=x)": ("`make(debug=x)` in `main:make(debug=x)` is not the name of an object", LITERALS),
    "main:make()()": ("`make()()` in `main:make()()` is not the name of an object", LITERALS),
    "main:make(": ("`make(` in `main:make(` is not the name of an object", LITERALS),
    "main:(app)": ("`(app)` in `main:(app)` is not the name of an object", LITERALS),
}


@pytest.mark.parametrize("app", NO_OBJECTS)
def test_what_names_no_object(app: str) -> None:
    """What is neither a name nor a call with literals is an error that says how to write it."""
    with pytest.raises(ConfigError) as caught:
        naming.split(app)

    assert (caught.value.message, caught.value.hint) == NO_OBJECTS[app]


LEADS_ON = "run it in the project's folder, or without a name to look for the app"
# A name that leads to nothing that can be served: the files, the name, the kind of error, the message, the hint.
WRONG: dict[str, tuple[dict[str, str], str, type[AsgictlError], str, str]] = {
    "a notebook": ({"a.ipynb": "{}"}, "a.ipynb", StartError, "`a.ipynb` is a notebook, which cannot be served", "copy its app into a `.py` file"),
    "a notebook's object": ({"a.ipynb": "{}"}, "a.ipynb:app", StartError, "`a.ipynb:app` is a notebook, which cannot be served", "copy its app into a `.py` file"),
    "a folder that is not there": ({}, "shop/", StartError, "there is no folder `shop`", "the path is relative to the current folder"),
    "a file that is not there": ({}, "shop.py", StartError, "there is no file `shop.py`", "the path is relative to the current folder"),
    "an absolute file that is not there": ({}, "{}/shop.py", StartError, "there is no file `shop.py`", "see that it is there"),
    "an object of a folder": ({"shop/x.txt": ""}, "shop/:app", StartError, "there is no folder `shop`", "the path is relative to the current folder"),
    "backslashes": ({"shop/web.py": FASTAPI}, "shop\\web.py:app", StartError, "there is no file `shop\\web.py`", "did you mean `shop/web.py:app`?"),
    "a word for the object": ({"main.py": FASTAPI}, "main app", ConfigError, "`main app` is neither a module nor a file", "did you mean `main:app`?"),
    "a dash": ({"my-app.py": FASTAPI}, "my-app:web", ConfigError, "`my-app:web` is neither a module nor a file", "did you mean `my-app.py:web`?"),
    "a dash without an object": ({"my-app.py": FASTAPI}, "my-app", ConfigError, "`my-app` is neither a module nor a file", "did you mean `my-app.py`?"),
    "a file without its ending": ({"src/web.py": FASTAPI}, "src/web", StartError, "there is no file `src/web`", "did you mean `src/web.py`?"),
    "a number": ({}, "8000", ConfigError, "`8000` is neither a module nor a file", FORMS),
    "a name that is no module's": ({"1st.py": FASTAPI}, "1st.py", StartError, "`1st.py` cannot be imported: `1st` is not a valid module name", "rename it, for example to `app_1st.py`"),
    "a file that hides what it imports": ({"fastapi.py": FASTAPI}, "fastapi.py", StartError, "`fastapi.py` hides the installed package `fastapi`, which it imports", "rename it"),
    "a package without an app": ({"shop/__init__.py": "", "shop/words.py": ""}, "shop", StartError, "the package `shop` holds no app", "name it: `shop.module:attribute`"),
    "Django's settings": ({"site1/__init__.py": "", "site1/settings.py": "DEBUG = True\n"}, "site1.settings", StartError, "`site1/settings.py` holds no app that can be recognised", "for Django, name the folder of its `manage.py`, or no app there"),
    "one of Django's settings": ({"site1/settings/__init__.py": "", "site1/settings/dev.py": ""}, "site1.settings.dev", StartError, "`site1/settings/dev.py` holds no app that can be recognised", "for Django, name the folder of its `manage.py`, or no app there"),
    "what is none": ({"main.py": "import typer\napp = typer.Typer()\n"}, "main", StartError, "no app was found: `main.py` holds `app` (typer.Typer, not a web app), line 2", "name it: `asgictl serve main:NAME`"),
    "a factory with arguments": ({"main.py": "from flask import Flask\ndef create_app(kind): return Flask(kind)\n"}, "main", StartError, "no app was found: `main.py` holds `create_app` (Flask), line 2, which needs arguments (kind)", "give them defaults, or name it with literals for them: `main:create_app(...)`"),
    "an async factory": ({"main.py": "from fastapi import FastAPI\nasync def create_app(): return FastAPI()\n"}, "main:create_app", StartError, "`main:create_app` cannot be served: `main.py` holds `create_app` (FastAPI), line 2, which is async", "make it a plain function, and do what has to be awaited in the lifespan"),
    "a script's app": ({"main.py": "from fastapi import FastAPI\nif __name__ == '__main__':\n    app = FastAPI()\n"}, "main:app", StartError, "`main:app` cannot be served: `main.py` creates `app` (FastAPI) only when it is run as a script, line 3", "move `app` out of the `if __name__ == ...`"),
    "a misspelt module below": ({"shop/__init__.py": "", "shop/web/views.py": FASTAPI}, "shop.web.veiws:app", StartError, "there is no module `shop.web.veiws` in `{}`", "did you mean `shop.web.views:app`?"),
    "a misspelt folder": ({"shop/__init__.py": "", "shop/web/views.py": FASTAPI}, "shop.wbe.views:app", StartError, "there is no module `shop.wbe.views` in `{}`", "did you mean `shop.web.views:app`?"),
    "a misspelt module in src": ({"src/shop.py": FASTAPI}, "shpo:app", StartError, "there is no module `shpo` in `{}`", "did you mean `shop:app`?"),
    "a module of a hidden folder": ({".old/web.py": FASTAPI}, "web:app", StartError, "there is no module `web` in `{}`", LEADS_ON),
    "a dot for the colon, and no such object": ({"main.py": FASTAPI}, "main.web", StartError, "there is no module `main.web` in `{}`", LEADS_ON),
    "an object of an object": ({"main.py": FASTAPI}, "main.app.router", StartError, "there is no module `main.app.router` in `{}`", "did you mean `main:app.router`?"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_names_that_lead_to_nothing(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """What cannot be served by its name is an error that says why, and a hint that leads on."""
    files, app, kind, message, hint = WRONG[case]
    folder = write(files)
    monkeypatch.chdir(folder)

    with pytest.raises(kind) as caught:
        look(folder, app.replace("{}", str(folder)))

    texts = (caught.value.message, str(caught.value.hint))
    assert tuple(text.replace(str(folder), "{}") for text in texts) == (message, hint)


def test_a_call_of_what_is_no_app_as_it_stands(write: Write) -> None:
    """What a factory makes of arguments only the import can tell, so the name is taken."""
    folder = write({"main.py": "from fastapi import FastAPI\nasync def create_app(kind='x'): return FastAPI()\n"})

    assert str(look(folder, "main:create_app('dev')")) == "main:create_app('dev')"


def test_a_name_that_was_not_typed(write: Write) -> None:
    """An error about a name that stands elsewhere says where."""
    folder = write({"pyproject.toml": "[tool.asgictl]\napp = 'gone:app'\n"})

    for environ, where in (
        ({}, "named by `tool.asgictl.app` in pyproject.toml"),
        ({"ASGICTL_APP": "gone:app"}, "named by the variable ASGICTL_APP"),
    ):
        with pytest.raises(StartError) as caught:
            find(None, folder, environ, lambda _: None)
        assert (caught.value.message, caught.value.hint) == (
            f"there is no module `gone` in `{folder}` ({where})",
            LEADS_ON,
        )
