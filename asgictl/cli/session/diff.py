"""`asgictl session diff`."""

from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.errors import ConfigError
from asgictl.inspector.request import DiffRequest


def diff(request: DiffRequest, run: Invocation) -> int:
    """Compare two exchanges: scope, headers, bodies; exits with 1 if they differ, 5 if it cannot tell."""
    from asgictl.inspector.comparison import differences

    files, numbers = saved.split(request.words)
    if len(numbers) != 2:  # noqa: PLR2004  # a pair
        raise ConfigError(f"a comparison takes two exchanges, not {len(numbers)}", hint="pass two IDs after the file")
    exchanges = saved.wanted(saved.session(files, run.console), numbers)
    one, other = (exchanges[number] for number in numbers)
    found = [*differences.of_requests(one, other), *differences.of_answers(one, other)]
    saved.print_differences(run.console, f"#{one.id}", f"#{other.id}", found)
    return saved.concluded(run.console, found)
