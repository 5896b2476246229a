"""Where the interpreter of the project's virtual environment lies: a unit does not see one in a home folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from asgictl import reading
from asgictl.scaffold.request import ScaffoldRequest

# What ProtectHome= hides (systemd.exec(5)).
_HIDDEN = ("/home/", "/root/", "/run/user/")
# Where uv puts what it downloads for root; the unit shows it again.
_SHOWN = "/root/.local/share/uv/python/"


def notes(request: ScaffoldRequest, root: Path) -> Iterator[str]:
    """Yield what to say of an interpreter that the unit will not find."""
    link = root / ".venv/bin/python"
    python = os.path.realpath(link)
    if (
        "systemd" in request.wanted
        and link.is_symlink()
        and python.startswith(_HIDDEN)
        and not python.startswith(_SHOWN)
    ):
        yield (
            f"`.venv` runs `{reading.shown(Path(python))}`, and the unit hides home folders: its start would end with "
            "203/EXEC; make `.venv` of a Python elsewhere, as by `UV_PYTHON_INSTALL_DIR=/opt/python uv sync`"
        )
