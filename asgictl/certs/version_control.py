"""Keeping private keys out of version control, and finding out whether one is in it."""

import contextlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from asgictl import errors, reading
from asgictl.certs import files
from asgictl.errors import FileProblemError, UnansweredError

_FILE = ".gitignore"
_IGNORED = "# Written by asgictl: private keys never get into version control.\n*.key\n*.key.part\n*.p12\n*.p12.part\n"

# How long git may take for one file of its index; in seconds.
_PATIENCE = 5

# A repository that has been unpacked brings a configuration of its own. Of what that can have git run these questions
# reach core.fsmonitor, and in a partial clone remote.*.uploadpack, by which git fetches what is missing:
# https://git-scm.com/docs/git-config, https://git-scm.com/docs/git#Documentation/git.txt-GITNOLAZYFETCH (since 2.45).
_SAFE = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "safe.bareRepository=explicit"),
)
_NO_FETCH = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}


def keep_out(key: Path) -> None:
    """Put a `.gitignore` beside `key`, unless there is one, or that is not possible; see `is_ignored`."""
    ignored = key.parent / _FILE
    own = "" if key.suffix in {".key", ".p12"} else f"{key.name}*\n.new-{key.name}*\n"
    if not os.path.lexists(ignored):
        with contextlib.suppress(FileProblemError):
            files.write_one(ignored, (_IGNORED + own).encode(), secret=False)


def leave(folder: Path) -> None:
    """Remove the `.gitignore` of `keep_out` from `folder` if nothing else is there."""
    ignored = folder / _FILE
    if [file.name for file in folder.iterdir()] == [_FILE] and reading.content(ignored) == _IGNORED.encode():
        ignored.unlink()


def is_ignored(key: Path) -> bool:
    """Tell whether the `.gitignore` beside `key` keeps it out of version control."""
    import pathspec

    try:
        lines = reading.content(key.parent / _FILE).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return pathspec.GitIgnoreSpec.from_lines(lines).match_file(key.name)


def may_take(key: Path) -> bool:
    """Tell whether a later `git add` in the repository around `key`, if there is one, would take it."""
    if not _is_in_repository(key) or is_ignored(key):
        return False
    try:
        return _git(key, "check-ignore", "--quiet") == 1
    except UnansweredError:
        return True


def is_tracked(file: Path) -> bool:
    """Tell whether git has `file`, committed or staged; raise `UnansweredError` when that cannot be found out."""
    return _is_in_repository(file) and _git(file, "--literal-pathspecs", "ls-files", "--error-unmatch") == 0


def told(key: Path, remedy: str) -> str | None:
    """Return what to say of a key that git has, which `remedy` replaces; raise `UnansweredError` as above."""
    if not os.path.lexists(key) or not is_tracked(key):
        return None
    command = f"git rm --cached {shlex.quote(str(key))}"
    return f"git has `{key}`, and so has everybody with the repository: `{command}`, then {remedy}"


def _is_in_repository(file: Path) -> bool:
    folder = Path(os.path.realpath(file.parent))
    return any(os.path.lexists(above / ".git") for above in (folder, *folder.parents))


def _git(file: Path, *command: str) -> int:
    """Return 0 or 1, as git answers a question about `file`; raise `UnansweredError` for anything else."""
    git = shutil.which("git")
    if git is None or not Path(git).is_absolute():  # Windows looks into the current folder, too
        raise UnansweredError("git is not installed")
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            [git, *_SAFE, *command, "--", file.name],
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env=_surroundings(),
        )
    except subprocess.TimeoutExpired as error:
        raise UnansweredError(f"git does not answer within {_PATIENCE} seconds") from error
    except OSError as error:
        raise UnansweredError(f"cannot run git: {errors.reason(error)}") from error
    if done.returncode in (0, 1):
        return done.returncode
    said = done.stderr.decode(errors="replace").strip().splitlines()
    raise UnansweredError(f"git says `{said[0]}`" if said else f"git ended with {done.returncode}")


def _surroundings() -> dict[str, str]:
    """Return git's environment: in a hook the variables name another repository, and the user's configuration stays."""
    usual = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }
    return {**usual, **_NO_FETCH, "LC_ALL": "C"}
