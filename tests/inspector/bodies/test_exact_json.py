"""JSON as it stands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgictl.inspector.bodies import exact_json
from asgictl.inspector.bodies.exact_json import Number, Object
from tests.inspector.bodies import patient

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def plain(value: Any) -> Any:
    """Return what Python makes of a value."""
    if isinstance(value, Object):
        return {key: plain(item) for key, item in value.pairs}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return json.loads(value.spelled) if isinstance(value, Number) else value


@patient
@given(value=VALUES)
def test_any_value(value: Any) -> None:
    """Nothing is lost of a value."""
    assert plain(exact_json.value(json.dumps(value))) == value


def test_as_it_stands() -> None:
    """Keys that are there twice are there twice, in their order, and numbers are spelled as they were."""
    text = '{"b": 1.10, "a": 1e400, "b": -0, "n": 12345678901234567890.123456789, "s": "1", "l": [true, null, {}]}'

    assert exact_json.value(text) == Object(
        [
            ("b", Number("1.10")),
            ("a", Number("1e400")),
            ("b", Number("-0")),
            ("n", Number("12345678901234567890.123456789")),
            ("s", "1"),
            ("l", [True, None, Object([])]),
        ]
    )


def test_what_is_alike_only_at_a_glance() -> None:
    """A number is not the text of its digits, an object without keys not an empty list."""
    assert exact_json.value("1") != exact_json.value('"1"')
    assert exact_json.value("{}") != exact_json.value("[]")
    assert exact_json.value("1") != exact_json.value("1.0")


REFUSED = {
    "[NaN]": "NaN is not a JSON number",
    "-Infinity": "-Infinity is not a JSON number",
    "[" * 100_000: "nested too deeply",
    "\ufeff{}": "it begins with a byte order mark",
    "{'a': 1}": "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    "": "Expecting value: line 1 column 1 (char 0)",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=[*map(repr, range(len(REFUSED)))])
def test_what_is_refused(text: str, reason: str) -> None:
    """What is not JSON, though Python takes it, is refused with the reason."""
    with pytest.raises(ValueError, match=r".") as caught:
        exact_json.value(text)

    assert str(caught.value) == reason


def test_numbers_of_any_length() -> None:
    """A number that Python refuses to make an integer of is kept."""
    assert exact_json.value("9" * 10_000) == Number("9" * 10_000)
