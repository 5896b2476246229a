"""The variables that an app cannot be started without: read from the source, and told before it is."""

import ast

import pytest

from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import settings_classes
from tests.scaffold.conftest import Lay

NOTE = "the app needs variables that have no default, and that `.env` does not set: "
SETTINGS = (
    "class Settings(BaseSettings):\n"
    "    model_config = SettingsConfigDict(env_prefix='APP_')\n"
    "    database_url: PostgresDsn\n"
    "    debug: bool = False\n"
    "    token: str = Field(alias='TOKEN')\n"
)
FILES = {"conf.py": SETTINGS, "requirements.txt": "fastapi\n"}
MAIN = (
    "import os\nfrom fastapi import FastAPI\nfrom conf import Settings\napp = FastAPI()\n"
    "KEY = os.environ['KEY']\nif x: os.environ['OTHER']\ndef f(): os.environ['LATER']\nos.environ['PORT'] = '1'\n"
)


def test_what_the_app_needs(lay: Lay) -> None:
    """Each variable is named with its line; what is read later, or only in a case, is not among them."""
    root = lay({**FILES, "other.py": "import os\nos.environ['NOT_LOADED']\n"}, MAIN)

    project = detect(ScaffoldRequest(), root)

    assert project.variables == {"KEY": "main.py:5", "APP_DATABASE_URL": "conf.py:3", "TOKEN": "conf.py:5"}
    assert project.notes == (f"{NOTE}KEY (main.py:5), APP_DATABASE_URL (conf.py:3), TOKEN (conf.py:5)",)


def test_what_env_sets(lay: Lay) -> None:
    """What `.env` sets already is not told again."""
    root = lay({**FILES, ".env": "KEY=1\nexport TOKEN: x\n#APP_DATABASE_URL=1\n"}, MAIN)

    assert detect(ScaffoldRequest(), root).notes == (f"{NOTE}APP_DATABASE_URL (conf.py:3)",)


def test_another_config(lay: Lay) -> None:
    """What a module calls `config` itself reads no variable, whatever settings of Django call so."""
    ini = (
        "import configparser\nconfig = configparser.ConfigParser()\nconfig.read('a.ini')\nX = config.items('DEFAULT')\n"
    )
    root = lay(FILES, f"from fastapi import FastAPI\napp = FastAPI()\n{ini}")

    assert detect(ScaffoldRequest(), root).variables == {}


CLASSES = [
    ("class A(BaseSettings):\n x: str\n y: int = 1\n", ["X"]),
    ("class A(pydantic_settings.BaseSettings):\n x: str = Field(...)\n y: str = ...\n", ["X", "Y"]),
    ("class A(BaseSettings):\n x: str = Field('a')\n y: str = Field(default_factory=f)\n", []),
    ("class A(BaseSettings):\n x: str = Field(min_length=1)\n y: str = Field(alias='(no\\nname')\n", ["X"]),
    ("class A(BaseSettings):\n x: str = Field(validation_alias=AliasChoices('FIRST', 'SECOND'))\n", ["FIRST"]),
    ("class A(BaseSettings):\n x: str\n class Config:\n  env_prefix = 'a_'\n", ["A_X"]),
    ("class A(BaseSettings):\n model_config = {'env_prefix': 'A_', 'extra': 'ignore'}\n x: str\n", ["A_X"]),
    ("class B(BaseSettings): ...\nclass A(B):\n x: str\n y: ClassVar[str]\n _z: str\n", ["X"]),
    ("class B(BaseSettings):\n x: str\nclass A(B):\n x: str = 'a'\n", []),
    ("class M(BaseModel):\n y: str\nclass A(BaseSettings):\n m: M\n x: str\n", ["X"]),
    ("class A(A):\n x: str\n", []),
]


@pytest.mark.parametrize(("code", "names"), CLASSES)
def test_settings_of_pydantic(code: str, names: list[str]) -> None:
    """A field of settings without a default is a variable, called as pydantic calls it."""
    assert [name for name, _ in settings_classes.required(list(ast.walk(ast.parse(code))))] == names
