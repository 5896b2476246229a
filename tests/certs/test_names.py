"""Names for certificates are put into the form that clients compare, or refused with what to write instead."""

import pytest

from asgictl.certs import names
from asgictl.certs.names import Constraints
from asgictl.errors import ConfigError

LONGEST = ("a" * 49 + ".") * 5 + "bcd"

GOOD = [
    (["localhost"], ("localhost",)),
    (["LocalHost.", "localhost"], ("localhost",)),
    (["*.dev.localhost", "*.Shop.TEST"], ("*.dev.localhost", "*.shop.test")),
    (["127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"], ("127.0.0.1", "::1")),
    (["10.0.0.5", " shop.test "], ("10.0.0.5", "shop.test")),
    (["bücher.test", "*.straße.test"], ("xn--bcher-kva.test", "*.xn--strae-oqa.test")),
    (["xn--bcher-kva.test"], ("xn--bcher-kva.test",)),
    (
        ["\uff33\uff28\uff2f\uff30.test", "*.\uff33\uff28\uff2f\uff30.test"],
        ("shop.test", "*.shop.test"),
    ),  # in wide letters
    (["a-b.0-1.test", "a1.test"], ("a-b.0-1.test", "a1.test")),
    (["a" * 63], ("a" * 63,)),
    ([LONGEST], (LONGEST,)),
]


@pytest.mark.parametrize(("texts", "expected"), GOOD, ids=lambda value: str(value)[:40])
def test_good_names(texts: list[str], expected: tuple[str, ...]) -> None:
    """Case, brackets, dots at the end and letters of other scripts do not matter, and nothing is there twice."""
    assert names.parse(texts) == expected


BAD = [
    ("*", "`*` is not a name that clients accept", "name a domain, like `*.dev.localhost`"),
    ("*.*.test", "`*.*.test` is not a name that clients accept", "name a domain, like `*.dev.localhost`"),
    ("*.localhost", "`*.localhost` is accepted by no client", "name one level more: `*.dev.localhost`"),
    ("*.test", "`*.test` is too wide for any client to accept", "name the hosts, or one level more: `*.dev.test`"),
    ("a.*.test", "`a.*.test` is not a host name", "use letters, digits, `-` and dots"),
    ("f*o.test", "`f*o.test` is not a host name", "use letters, digits, `-` and dots"),
    ("0.0.0.0", "`0.0.0.0` is where to listen, not where to connect to", "name 127.0.0.1, ::1 or a real address"),
    ("fe80::1%eth0", "`fe80::1%eth0` has a zone, which is of this machine alone", "leave out what is behind the `%`"),
    ("http://localhost:8000/x", "`http://localhost:8000/x` is not a host name", "name the host alone: `localhost`"),
    ("localhost:8000", "`localhost:8000` is not a host name", "name the host alone: `localhost`"),
    ("my_app", "`my_app` is not a host name", "write `-` for `_`"),
    ("-a.test", "`-a.test` is not a host name", "use letters, digits, `-` and dots"),
    ("", "`` is not a host name", "use letters, digits, `-` and dots"),
    ("a..test", "`a..test` is not a host name", "use letters, digits, `-` and dots"),
    ("a" * 64, f"`{'a' * 64}` is not a host name", "use letters, digits, `-` and dots"),
    ("a-.test", "`a-.test` is not a host name", "use letters, digits, `-` and dots"),
    ("shop.test/x:80", "`shop.test/x:80` is not a host name", "name the host alone: `shop.test`"),
    ("HTTPS://Shop.test", "`HTTPS://Shop.test` is not a host name", "name the host alone: `shop.test`"),
    ("/", "`/` is not a host name", "name the host alone: `localhost`"),
    ("*x.test", "`*x.test` is not a name that clients accept", "name a domain, like `*.dev.localhost`"),
    ("[::]", "`[::]` is where to listen, not where to connect to", "name 127.0.0.1, ::1 or a real address"),
    (f"{LONGEST}e", f"`{LONGEST}e` is not a host name", "use letters, digits, `-` and dots"),
    ("127.0.0.256", "`127.0.0.256` is neither a host name nor an IP address", "put it right, like 127.0.0.1"),
]


@pytest.mark.parametrize(("text", "message", "hint"), BAD, ids=[case[0] for case in BAD])
def test_bad_names(text: str, message: str, hint: str) -> None:
    """A name that no client would accept is refused, with what to write instead."""
    with pytest.raises(ConfigError) as caught:
        names.parse([text])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, hint, "names")


def test_a_name_that_is_no_idna() -> None:
    """A name that cannot be written in ASCII gets the reason."""
    with pytest.raises(ConfigError) as caught:
        names.parse(["\u0301a.test"])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "`\u0301a.test` is not an international host name: Label begins with an illegal combining character",
        "see that it is spelled right",
        "names",
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("[127.0.0.1]", False),
        ("evil@a.dev.localhost", False),
        ("1/.dev.localhost", False),
        ("a.dev.localhost", True),
        ("a.b.dev.localhost", False),
        ("dev.localhost", False),
        ("127.0.0.2", False),
        ("evil.test", False),
        ("localhost.evil.test", False),
        ("", False),
    ],
)
def test_matching(host: str, expected: bool) -> None:
    """A host is compared as clients do it: a star stands for one label."""
    assert names.match(names.LOCAL, host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("my_app.test", True),
        ("a_b.shop.test", True),
        ("_dmarc.shop.test", True),
        ("MY_APP.test.", True),
        ("big.test", True),
        ("xn--n3h.shop.test", True),
        ("my_apps.test", False),
        ("a_b.c.shop.test", False),
        ("a b.shop.test", False),
    ],
)
def test_matching_foreign_names(host: str, expected: bool) -> None:
    """Names of certificates that others have made may hold a `_`, and capitals."""
    assert names.match(("my_app.test", "*.Shop.test", "BIG.test"), host) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("*.dev.localhost", True),
        ("shop.test", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("shop.example", False),
        ("mytest", False),
        ("*.com", False),
    ],
)
def test_constraints(name: str, expected: bool) -> None:
    """An authority is for local names, and nothing else."""
    assert Constraints().permit(name) is expected


def test_wider_constraints() -> None:
    """A domain or a network can be added, and what is inside already adds nothing."""
    places = ["shop.example", ".Other.Example.", "10.0.0.0/8", "10.1.2.3", "a.test", "10.0.0.0/8", "shop.example"]

    wider = Constraints().widened(places)

    assert wider.domains == ("localhost", "test", "internal", "local", "shop.example", "other.example")
    assert str(wider) == ", ".join((*wider.domains, "127.0.0.0/8", "::1/128", "10.0.0.0/8", "10.1.2.3/32"))
    assert [wider.permit(name) for name in ("x.shop.example", "xshop.example", "10.9.9.9", "11.0.0.1")] == [
        *(True, False),
        *(True, False),
    ]


NO_PLACES = {
    "10.0.0.1/8": ("`10.0.0.1/8` is no network", "write `10.0.0.0/8`"),
    "http://shop.example": ("`http://shop.example` is not a host name", "name the host alone: `shop.example`"),
    "my_shop.example": ("`my_shop.example` is not a host name", "write `-` for `_`"),
    "10.0.0.256": ("`10.0.0.256` is neither a host name nor an IP address", "put it right, like 127.0.0.1"),
    "\u0301a.example": (
        "`\u0301a.example` is not an international host name: Label begins with an illegal combining character",
        "see that it is spelled right",
    ),
}


@pytest.mark.parametrize("place", NO_PLACES)
def test_what_is_neither_a_domain_nor_a_network(place: str) -> None:
    """What an authority cannot be for is refused, with what to write instead, and the option that is wrong."""
    with pytest.raises(ConfigError) as caught:
        Constraints().widened([place])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (*NO_PLACES[place], "ca-permit")
