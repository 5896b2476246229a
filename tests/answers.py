"""What a command answers with `--json`, checked against the schema that is documented."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = Path(__file__).parents[1] / "docs" / "json.schema.json"


@functools.cache
def _validator() -> Any:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def answer(stdout: str) -> dict[str, Any]:
    """Return the one object on `stdout`."""
    (line,) = stdout.splitlines()
    data: dict[str, Any] = json.loads(line)
    _validator().validate(data)
    return data


def result(stdout: str) -> dict[str, Any]:
    """Return the result in the one object on `stdout`."""
    found: dict[str, Any] = answer(stdout)["result"]
    return found


def error(stdout: str) -> dict[str, Any]:
    """Return the error in the one object on `stdout`."""
    found: dict[str, Any] = answer(stdout)["error"]
    return found
