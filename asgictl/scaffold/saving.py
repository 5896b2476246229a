"""Keep options in `pyproject.toml`, whose other lines stay as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from asgictl import atomic, project
from asgictl.errors import FileProblemError


def save(root: Path, values: Mapping[str, Any], app: str | None) -> Path:
    """Set `values` under `[tool.asgictl.scaffold]`, and the app of every command if one is given; return the file.

    Raises `FileProblemError` for a file that cannot be read or written. Call it inside `atomic.locked`.
    """
    file = root / project.FILE
    try:
        text = file.read_bytes().decode() if file.exists() else ""
        document = tomlkit.parse(text)
        tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
        own = tool.setdefault("asgictl", tomlkit.table(is_super_table=app is None))
        if app is not None:
            own["app"] = app
        table = own.setdefault("scaffold", tomlkit.table())
        for key, value in values.items():
            table[key] = value
        staged = file.with_name(f".new-{file.name}")
        atomic.create(staged, tomlkit.dumps(document).encode(), file.stat().st_mode & 0o777 if file.exists() else 0o644)
        staged.replace(file)
        atomic.sync(root)
    except OSError as error:
        raise atomic.problem(f"cannot write `{file}`", error) from error
    except (TOMLKitError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise FileProblemError(f"cannot add to `{file}`: {error}", hint="put its TOML syntax right") from error
    return file
