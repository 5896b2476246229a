"""The faults: those of mutmut's operators, and two kinds that it has not."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode


class Mutant(NamedTuple):
    """One fault: its file and first line, that line before and after, and the whole file with it."""

    file: str
    line: int
    before: str
    after: str
    code: str


def _negated(node: cst.If | cst.While) -> Iterable[cst.CSTNode]:
    test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), test))


def _dropped(node: cst.Expr) -> Iterable[cst.CSTNode]:
    if isinstance(node.value, cst.Call | cst.Await):
        yield node.with_changes(value=cst.Name("None"))


_OPERATORS: Any = (*mutation_operators, (cst.If, _negated), (cst.While, _negated), (cst.Expr, _dropped))


def sample(root: Path, files: Iterable[Path], count: int, seed: int) -> list[Mutant]:
    """Return `count` faults of `files`, which lie below `root`: one of each file, then by chance."""
    chance = random.Random(seed)
    sources = {file: _Source(file) for file in sorted(files)}
    possible = {file: list(range(len(source.mutations))) for file, source in sources.items() if source.mutations}
    chosen = [(file, indices.pop(chance.randrange(len(indices)))) for file, indices in possible.items()]
    chance.shuffle(chosen)
    rest = [(file, index) for file, indices in possible.items() for index in indices]
    chosen = [*chosen, *chance.sample(rest, max(0, min(count - len(chosen), len(rest))))][:count]
    return [sources[file].mutant(index, str(file.relative_to(root))) for file, index in sorted(chosen)]


class _Source:
    def __init__(self, file: Path) -> None:
        self._code = file.read_text(encoding="utf-8")
        wrapper = MetadataWrapper(cst.parse_module(self._code))
        visitor = MutationVisitor(_OPERATORS, IgnoredCode(set(), set(), set()))
        wrapper.visit(visitor)
        self._module = wrapper.module
        self.mutations: list[Mutation] = visitor.mutations

    def mutant(self, index: int, name: str) -> Mutant:
        mutation = self.mutations[index]
        changed = self._module.deep_replace(mutation.original_node, mutation.mutated_node)
        assert isinstance(changed, cst.Module)
        code = changed.code
        old, new = self._code.splitlines(), code.splitlines()
        line = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old) - 1)
        return Mutant(name, line + 1, old[line].strip(), new[line].strip(), code)
