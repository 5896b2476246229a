"""Where the interpreter of the project's virtual environment lies: a unit does not see one in a home folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from asgictl import reading
from asgictl.scaffold.request import ScaffoldRequest

# What ProtectHome= hides (systemd.exec(5)).
_HIDDEN = ("/home/", "/root/", "/run/user/")
# Where uv and pyenv put them for root; the unit shows those again.
_SHOWN = ("/root/.local/share/uv/python/", "/root/.pyenv/versions/")
# Where the unit takes the project from: there its virtual environment is the service's, too.
_SERVED = Path("/srv")
_WRITABLE = re.compile(r"/[A-Za-z0-9._/@+~-]+")


def folders(root: Path) -> tuple[str, ...]:
    """Return the folders in homes that the interpreter of a project in `/srv` needs, for its unit to show."""
    if not root.is_relative_to(_SERVED):
        return ()
    found = dict.fromkeys(str(it) for it in _prefixes(root) if any(it.glob("lib/python3*/os.py")))
    return tuple(it for it in found if _is_hidden(it) and _WRITABLE.fullmatch(it))


def notes(request: ScaffoldRequest, root: Path, name: str) -> Iterator[str]:
    """Yield what to say of an interpreter that the unit will not find."""
    if "systemd" not in request.wanted:
        return
    shown = folders(root)
    for prefix in dict.fromkeys(_prefixes(root)):
        if _is_hidden(str(prefix)) and str(prefix) not in shown:
            yield (
                f"`.venv` is of the Python in `{reading.shown(prefix)}`, and the unit hides home folders: its start "
                f"would end with 203/EXEC; run scaffold in {_SERVED / name}, where it sees which Python serves, or "
                "make `.venv` of a Python elsewhere, as by `UV_PYTHON_INSTALL_DIR=/opt/python uv sync`"
            )
            return


def _prefixes(root: Path) -> Iterator[Path]:
    """Yield where the interpreter is installed: as pyvenv.cfg says, and where its link leads to, if that differs."""
    try:
        text = reading.text(root / ".venv/pyvenv.cfg")
    except (OSError, UnicodeDecodeError):
        text = ""
    if home := re.search(r"(?m)^home *= *(/.*?) *$", text):
        yield Path(os.path.normpath(home[1])).parent
    link = root / ".venv/bin/python"
    if link.is_symlink():
        yield Path(os.path.realpath(link)).parent.parent


def _is_hidden(prefix: str) -> bool:
    return prefix.startswith(_HIDDEN) and not f"{prefix}/".startswith(_SHOWN)
