"""Keep options in `pyproject.toml`, whose other lines stay as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from asgictl import pyproject
from asgictl.errors import FileProblemError
from asgictl.scaffold.write.compare import BOM, Change, State, current


def planned(root: Path, values: Mapping[str, Any], app: str | None) -> Change:
    """Return the change that sets `values` under `[tool.asgictl.scaffold]`, and the app if one is given.

    Raises `FileProblemError` for a file that cannot be read, or is a link.
    """
    file = root / pyproject.FILE
    old = current(file)
    try:
        text = (old or b"").decode()
        document = tomlkit.parse(text.removeprefix(BOM))
        tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
        own = tool.setdefault("asgictl", tomlkit.table(is_super_table=app is None))
        if app is not None:
            own["app"] = app
        table = own.setdefault("scaffold", tomlkit.table()) if values else own
        for key, value in values.items():
            table[key] = value
    except (TOMLKitError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        raise FileProblemError(
            f"cannot add to `{file}`: {error}",
            hint="put its TOML syntax right, and write `[tool.asgictl]` as a table of its own",
        ) from error
    new = tomlkit.dumps(document)
    if "\r\n" in text:
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    content = f"{BOM if text.startswith(BOM) else ''}{new}".encode()
    state: State = "create" if old is None else "same" if content == old else "update"
    return Change(pyproject.FILE, file, state, old, content)
