"""What does not run where the app is served: scripts, and what a module does when it is one."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

_SCRIPTS = re.compile(
    r"(scripts?|tools?|dev|bench(marks)?|examples?|notebooks|alembic|ci)/|(.*/)?(management/commands|tests?_\w+|\w+_tests?)/"
    r"|(setup|noxfile|fabfile|conftest)\.py$"
)


def is_script(path: str) -> bool:
    """Tell whether the file at `path`, below the root, is not part of what is served."""
    return _SCRIPTS.match(path) is not None


def without_main(nodes: Sequence[ast.AST]) -> list[ast.AST]:
    """Return the nodes of a file without what is carried out only when it is run as a script."""
    guarded = (node for node in nodes if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
    script = {id(inner) for node in guarded for inner in ast.walk(node)}
    return [node for node in nodes if id(node) not in script]


def at_import(tree: ast.Module) -> ast.Module:
    """Return what of a file is carried out, whatever happens, when it is imported: no function, no condition."""

    def kept(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        for node in body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.If() | ast.Try() | ast.TryStar():
                    continue
                case ast.ClassDef(body=inner):
                    yield ast.copy_location(ast.ClassDef(node.name, [], [], list(kept(inner)), []), node)
                case _:
                    yield node

    return ast.Module(list(kept(tree.body)), [])
