"""What a Dockerfile says: its instructions with their lines, its stages, and the image that the last one makes."""

from pathlib import Path

import pytest

from asgictl import image
from asgictl.errors import FileProblemError
from asgictl.image import Image, Instruction, Stage

STAGES = """\
# a comment
ARG A=1
# another
ARG B
FROM --platform=$X python:3 AS Build
# inside
ENV X=1 Y="a b" \\
    Z=${X}
FROM build
RUN a \\
    b
FROM Build AS last
USER 1
ENV X=2
CMD ["x"]
CMD ["y"]
"""


def test_stages(tmp_path: Path) -> None:
    """The last stage has what it builds upon, each instruction its first line, and the last of a kind counts."""
    (tmp_path / "Dockerfile").write_text(STAGES)
    env = Instruction("ENV", 'X=1 Y="a b"     Z=${X}', 7)
    last = (
        Instruction("USER", "1", 13),
        Instruction("ENV", "X=2", 14),
        Instruction("CMD", '["x"]', 15),
        Instruction("CMD", '["y"]', 16),
    )

    found = image.read(tmp_path / "Dockerfile")

    assert found == Image(
        (
            Stage("build", "python:3", 5, (env,)),
            Stage("stage 1", "build", 9, (Instruction("RUN", "a     b", 10),)),
            Stage("last", "Build", 12, last),
        ),
        (env, *last),
        (Instruction("ARG", "A=1", 2), Instruction("ARG", "B", 4)),
    )
    assert (found.last("CMD"), found.last("EXPOSE")) == (last[-1], None)
    assert found.environment() == {"X": "2", "Y": "a b", "Z": "${X}"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [('["a", "b c"]', ["a", "b c"]), ("[]", []), ("a b", None), ('["a", 1]', None), ('"a"', None), ('{"a": 1}', None)],
)
def test_words(value: str, expected: list[str] | None) -> None:
    """Only a list of strings in JSON is the exec form."""
    assert image.words(value) == expected


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (None, "cannot read `FILE`: No such file or directory", "put it right, or remove it"),
        (b"FROM \xff", "cannot read `FILE`: it is not UTF-8", "put it right, or remove it"),
        (b"RUN true\n", "`FILE` has no FROM", "rewrite it: `asgictl scaffold --force`"),
        (b"", "`FILE` has no FROM", "rewrite it: `asgictl scaffold --force`"),
    ],
)
def test_no_dockerfile(tmp_path: Path, content: bytes | None, message: str, hint: str) -> None:
    """A Dockerfile that cannot be read, or begins no stage, is an error with its name."""
    file = tmp_path / "Dockerfile"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(FileProblemError) as error:
        image.read(file)

    assert (error.value.message, error.value.hint) == (message.replace("FILE", str(file)), hint)


WRITTEN: list[tuple[str, list[Instruction]]] = [
    ("RUN a \\\n# why\n\n  b\nRUN c", [Instruction("RUN", "a   b", 1), Instruction("RUN", "c", 5)]),
    ("run a \\  \r\nb\r\n", [Instruction("RUN", "a b", 1)]),
    ("RUN a\\\\\nRUN b", [Instruction("RUN", "a\\\\", 1), Instruction("RUN", "b", 2)]),
    ("RUN a \\\n", [Instruction("RUN", "a", 1)]),
    ("# syntax=x\n# Escape = `\nRUN a `\n b\\\nCMD c", [Instruction("RUN", "a  b\\", 3), Instruction("CMD", "c", 5)]),
    ("\n# escape=`\nRUN a`\nRUN b", [Instruction("RUN", "a`", 3), Instruction("RUN", "b", 4)]),
    ("RUN <<A cat\nRUN b \\\nA\nRUN c", [Instruction("RUN", "cat", 1, ("RUN b \\",)), Instruction("RUN", "c", 4)]),
    ("COPY <<-'A' 3<<\"B\" /x/\n\tb\n\tA\n A\nB\n", [Instruction("COPY", "/x/", 1, ("b", " A"))]),
    ("RUN cat <<A > x\nnever ends", [Instruction("RUN", "cat  > x", 1, ("never ends",))]),
    (
        "RUN echo '<<A' \"a <<A\" \\<<A a<<A <<<A $((1 << 2))\nCMD b",
        [
            Instruction("RUN", "echo '<<A' \"a <<A\" \\<<A a<<A <<<A $((1 << 2))", 1),
            Instruction("CMD", "b", 2),
        ],
    ),
    ("CMD <<A\nCMD b", [Instruction("CMD", "<<A", 1), Instruction("CMD", "b", 2)]),
    ("&& x\nSTOPSIGNAL", [Instruction("STOPSIGNAL", "", 2)]),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_how_it_is_written(text: str, expected: list[Instruction]) -> None:
    """Lines are joined, comments left out and here-documents kept apart, as BuildKit does."""
    assert image.parse(text) == Image((), (), tuple(expected))


BASES = [
    ("ARG A=x B=$A:1\nFROM ${B}\n", "x:1"),
    ("ARG A\nFROM ${A:-x}/${A-y}:$B\n", "x/y:$B"),
    ("ARG A=1\nFROM x${A:+-slim}${B:+-no}\n", "x-slim"),
    ("ARG A=1\nFROM y\nARG A=2\nFROM --platform=$P x:$A as z\n", "x:1"),
    ("FROM\n", ""),
]


@pytest.mark.parametrize(("text", "base"), BASES)
def test_arguments(text: str, base: str) -> None:
    """The image of a stage is the one that is taken unless somebody sets an argument; what is unknown stays."""
    assert image.parse(text).stages[-1].base == base


def test_an_image_of_tens_of_thousands_of_lines() -> None:
    """A Dockerfile of any length is read in no time to speak of."""
    text = "FROM x\n" + "RUN a \\\n 'b\n" * 20_000 + "RUN " + "'\"\\ <" * 20_000

    assert len(image.parse(text).final) == 20_001
