"""The files of a project, each read once, and where the names in them lead: through assignments, imports and files."""

import ast
from collections.abc import Callable
from pathlib import Path

from asgictl.discovery.source.python_file import Names, Source, Value

# How far names are followed.
DEPTH = 12

Follow = Callable[[Path, str], Path | None]


class Sources:
    """The files of a project.

    `follow` takes a file and the name of a module that it imports, with a leading dot for each relative level, and
    returns that module's file where it belongs to the project.
    """

    def __init__(self, follow: Follow) -> None:
        self.follow = follow
        self._read: dict[Path, Source] = {}
        self._starred: dict[Path, dict[str, Value]] = {}

    def source(self, file: Path) -> Source:
        """Return `file` as it is written; raise `AppLoadError` when it cannot be read."""
        if file not in self._read:
            self._read[file] = Source(file)
        return self._read[file]

    def binds(self, file: Path, name: str) -> bool:
        """Tell whether the module in `file` may have the attribute `name`: some are bound in ways no source shows."""
        source = self.source(file)
        if name in source.values or "__getattr__" in source.values:
            return True
        files = [self.follow(file, module) for module in source.stars]
        return name in self.starred(source) or None in files

    def starred(self, source: Source) -> dict[str, Value]:
        """Return what `from module import *` binds in a file, where the modules are the project's."""
        if source.file not in self._starred:
            found = self._starred[source.file] = {}  # for two files that import each other
            for module in source.stars:
                file = self.follow(source.file, module)
                if file is None or file == source.file:
                    continue
                there = self.source(file)
                inner = {**self.starred(there), **there.values}
                names = there.exported or {name for name in inner if not name.startswith("_")}
                found |= {name: Value(source.star_line, imported=(module, name)) for name in names}
        return self._starred[source.file]

    def home(self, names: Names, name: str, depth: int = 0) -> tuple[Names | None, Value | None]:
        """Return where what `name` stands for is bound, imports of the project's and other names followed."""
        source = self.source(names.file)
        found = names.find(name) or ((source, value) if (value := self.starred(source).get(name)) else None)
        if found is None:
            return None, None
        where, value = found
        if depth < DEPTH and value.imported:
            module, attribute = value.imported
            file = self.follow(where.file, module) if attribute else None
            if file is not None and file != where.file and not self.is_module(where.file, module, attribute):
                return self.home(self.source(file), attribute, depth + 1)
        elif depth < DEPTH and isinstance(value.node, ast.Name) and value.node.id != name:
            return self.home(where, value.node.id, depth + 1)
        return where, value

    def is_module(self, importer: Path, module: str, attribute: str) -> bool:
        """Tell whether `attribute`, imported from `module`, is a module itself, and nothing that the package binds."""
        file = self.follow(importer, module)
        if file is not None and attribute in self.source(file).values:
            return False
        return self.follow(importer, f"{module}{'' if module.endswith('.') else '.'}{attribute}") is not None

    def callee(self, names: Names, function: ast.expr) -> "tuple[Names | None, object]":
        """Return the class or function of the project's that is called, and where it is."""
        match function:
            case ast.Name(id=name):
                where, value = self.home(names, name)
                if value is not None and isinstance(value.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    return where, value.node
            case ast.Attribute(value=owner, attr=attribute):
                if (file := self.module(names, owner)) is not None:
                    where, value = self.home(self.source(file), attribute)
                    if value is not None and isinstance(value.node, ast.ClassDef | ast.FunctionDef):
                        return where, value.node
        return None, None

    def module(self, names: Names, node: ast.expr) -> Path | None:
        """Return the file of the project's module that `node` stands for."""
        match node:
            case ast.Name(id=name):
                found = names.find(name)
                if found and found[1].imported:
                    module, attribute = found[1].imported
                    dot = "." if attribute and not module.endswith(".") else ""
                    return self.follow(found[0].file, f"{module}{dot}{attribute}")
            case ast.Attribute():
                return self.follow(names.file, ast.unparse(node))
        return None
