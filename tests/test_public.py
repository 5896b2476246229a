"""What users import: exactly these names, each with its documentation, and nothing of it before it is asked for."""

import importlib
import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import asgictl
from asgictl import records, testing

PUBLIC = {
    "asgictl": ["Inspector", "__version__", "records", "testing"],
    "asgictl.records": [
        *("Closed", "Continued", "Earlier", "Event", "Exchange", "Failure", "Finding", "Memory", "Observed", "Opaque"),
        *("Opened", "Raised", "Record", "Redacted"),
    ],
    "asgictl.testing": [
        *("AsyncClient", "BrokenRuleError", "Client", "Disconnected", "Inspected", "Refused", "ShutdownError"),
        "StartupError",
    ],
}

# A string, and a union of classes that have theirs.
WITHOUT_DOCSTRING = {"__version__", "Record"}


def test_the_public_names() -> None:
    """Nothing that users import goes, or comes, unnoticed."""
    modules = [asgictl, records, testing]

    assert {module.__name__: sorted(module.__all__) for module in modules} == PUBLIC
    assert dir(asgictl) == PUBLIC["asgictl"]


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PUBLIC.items() for name in names])
def test_each_has_its_documentation(module: str, name: str) -> None:
    """`from asgictl.records import Event` works, and `help(Event)` says what it is."""
    found = getattr(importlib.import_module(module), name)

    assert name in WITHOUT_DOCSTRING or inspect.cleandoc(found.__doc__)


@pytest.mark.parametrize(
    "thing", [member for module in (records, testing) for member in vars(module).values() if inspect.isclass(member)]
)
def test_each_method_has_its_documentation(thing: type) -> None:
    """An editor shows what a method of a client, or a field of an exchange, is."""
    named = {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}
    plain = {name for name in named if name in getattr(thing, "__slots__", ())}
    ours = {name: it for name, it in named.items() if callable(it) or isinstance(it, property)}

    assert [name for name, it in ours.items() if name not in plain and not inspect.getdoc(it)] == []


def test_a_name_that_is_not_there() -> None:
    """A name with a slip in it is told as of any module."""
    with pytest.raises(AttributeError, match=r"^module 'asgictl' has no attribute 'Inspektor'$"):
        asgictl.Inspektor  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "loaded", "inspector"),
    [
        ("import asgictl", [], False),
        ("import asgictl; dir(asgictl); asgictl.__version__", [], False),
        ("import asgictl; asgictl.records.Event", ["records"], True),
        ("import asgictl; asgictl.testing.Client", ["testing"], True),
        ("import asgictl; asgictl.Inspector", [], True),
        ("from asgictl import records, testing", ["records", "testing"], True),
    ],
)
def test_loaded_on_demand(statement: str, loaded: list[str], *, inspector: bool) -> None:
    """`import asgictl` costs nothing, and what is asked for is there."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert [name for name in ("records", "testing") if f"asgictl.{name}" in modules] == loaded
    assert any(name.startswith("asgictl.inspector") for name in modules) is inspector


def test_modules_are_the_modules() -> None:
    """The attribute and the import are one module."""
    assert isinstance(asgictl.records, ModuleType)
    assert (asgictl.records, asgictl.testing) == (records, testing)
