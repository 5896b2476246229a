"""What a repository may say: nothing of its user's machine, and no path out of its own folder to write to.

Whoever clones a repository has not read its files, and an option in one of them counts as if it had been typed.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from asgictl import option_types, reading
from asgictl.errors import ConfigError, FileProblemError
from asgictl.option_types import Trait

# Where the user's authority is, which has no option.
_AUTHORITY = "ASGICTL_CA_DIR"


class Said(NamedTuple):
    """What a file of the project in `folder` says of `--key`, or of its `variable`; errors call it `named`."""

    folder: Path
    named: str
    key: str
    variable: str

    def check(self, value: object, hint: object) -> None:
        """Raise `ConfigError` for an option, with the annotation `hint`, that the file may not set to `value`."""
        marks = option_types.kind(hint).marks
        if Trait.MACHINE in marks:
            problem = f"{self.named} concerns your machine, which no project decides"
            raise ConfigError(problem, hint=f"drop it; if you want it, pass --{self.key}, or set {self.variable}")
        if Trait.INSIDE in marks and (place := reading.outside(Path(str(value)), self.folder)):
            problem = f"{self.named} leads out of `{self.folder}`, to `{place}`"
            raise ConfigError(
                problem, hint=f"keep it inside; if you want it, pass --{self.key} {shlex.quote(str(place))}"
            )


def check_variables(names: Iterable[str], file: str) -> None:
    """Raise `ConfigError` for a variable that an `--env-file` may not set which a file of the project has named."""
    if _AUTHORITY in names:
        problem = f"the variable `{_AUTHORITY}` in `{file}` concerns your machine, which no project decides"
        raise ConfigError(
            problem, hint=f"drop it; if you want it, export {_AUTHORITY}, or pass --env-file {shlex.quote(file)}"
        )


def check_handed_out(root: Path, secret: str | None) -> None:
    """Raise for files from elsewhere that the repository `root` alone would have an image's build, or it, read.

    `secret` is the file with the index's secrets that a file of the repository names.
    """
    if secret and (place := reading.outside(root / Path(secret).expanduser(), root)):
        problem = f"`--verify` would hand `{place}` to the build"
        hint = f"if you know the Dockerfile, pass --index-secret {shlex.quote(secret)} too"
        raise ConfigError(problem, hint=hint, option="index-secret")
    if (root / ".env").is_file() and (place := reading.outside(root / ".env", root)):
        problem = f"`--verify` would hand `{place}`, to which `.env` leads, to the container"
        raise FileProblemError(problem, hint="replace the link with a file")
