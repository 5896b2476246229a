"""The variables that settings of pydantic's take, and that have no default."""

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence

from asgictl.scaffold.accepted import STAND_IN

# What names a variable otherwise than its field; `env` is of pydantic 1.
_ALIASES = {"validation_alias", "alias", "env"}
_DEFAULTS = {"default", "default_factory", None}


def required(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield the variables that classes derived from `BaseSettings` need, with their lines.

    https://docs.pydantic.dev/latest/concepts/pydantic_settings/: one is called as its field, after the prefix.
    """
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    models = {name for name in classes if _bases(name, classes) & {"BaseModel", "BaseSettings"}}
    fields = [
        (name, field) for name, node in classes.items() for field in node.body if isinstance(field, ast.AnnAssign)
    ]
    # A class derived from another may have the default.
    set_somewhere = {ast.unparse(field.target) for _, field in fields if _has_default(field.value)}
    for name, field in fields:
        target, kind = ast.unparse(field.target), ast.unparse(field.annotation)
        is_other = target in set_somewhere or target.startswith("_") or "ClassVar" in kind or kind in models
        if "BaseSettings" in _bases(name, classes) and not is_other:
            prefix = next(_prefixes(classes[name]), "")
            variable = _alias(field.value) or f"{prefix}{target}".upper()
            if STAND_IN.fullmatch(variable):
                yield variable, field.lineno


def _bases(name: str, classes: Mapping[str, ast.ClassDef]) -> set[str]:
    """Return the names of all classes that one is derived from, as far as they are in the same file."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        node = classes.get(waiting.pop())
        new = {ast.unparse(base).rpartition(".")[2] for base in node.bases} - found if node else set()
        found |= new
        waiting += new
    return found


def _has_default(value: ast.expr | None) -> bool:
    match value:
        case None | ast.Constant(value=builtins.Ellipsis):
            return False
        case ast.Call(func=function, args=args, keywords=words) if ast.unparse(function).endswith("Field"):
            is_given = bool(args) and not (isinstance(args[0], ast.Constant) and args[0].value is ...)
            return is_given or any(word.arg in _DEFAULTS for word in words)
    return True


def _alias(value: ast.expr | None) -> str | None:
    """Return the name that a field takes its value from, where that is another one: the first of several."""
    for word in value.keywords if isinstance(value, ast.Call) else ():
        if word.arg in _ALIASES:
            return next((str(it.value) for it in ast.walk(word.value) if isinstance(it, ast.Constant)), None)
    return None


def _prefixes(settings: ast.ClassDef) -> Iterator[str]:
    """Yield what `env_prefix` is in the configuration of a class."""
    for node in ast.walk(settings):
        match node:
            case ast.keyword(arg="env_prefix", value=ast.Constant(value=str(prefix))):
                yield prefix
            case ast.Assign(targets=[ast.Name(id="env_prefix")], value=ast.Constant(value=str(prefix))):
                yield prefix
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "env_prefix" and isinstance(value, ast.Constant):
                        yield str(value.value)
