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
    (["my_app.test", "_dmarc.a_.test", "*.my_app.test"], ("my_app.test", "_dmarc.a_.test", "*.my_app.test")),
    (["xn--n3h.test"], ("xn--n3h.test",)),
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
    (
        "a.*.test",
        "`a.*.test` is not a host name",
        "a `*` stands for the first label alone, as a whole: `*.dev.localhost`",
    ),
    (
        "f*o.test",
        "`f*o.test` is not a host name",
        "a `*` stands for the first label alone, as a whole: `*.dev.localhost`",
    ),
    ("0.0.0.0", "`0.0.0.0` is where to listen, not where to connect to", "name 127.0.0.1, ::1 or a real address"),
    ("fe80::1%eth0", "`fe80::1%eth0` has a zone, which is of this machine alone", "leave out what is behind the `%`"),
    ("http://localhost:8000/x", "`http://localhost:8000/x` is not a host name", "name the host alone: `localhost`"),
    ("localhost:8000", "`localhost:8000` is not a host name", "name the host alone: `localhost`"),
    ("a.test,b.test", "`a.test,b.test` is not a host name", "separate names by blanks: `a.test b.test`"),
    ("my app", "`my app` is not a host name", "use letters, digits, `-`, `_` and dots"),
    (".a.test", "`.a.test` is not a host name", "leave out the dot at its beginning, or one of two"),
    ("0x7f000001", "`0x7f000001` is neither a host name nor an IP address", "write the whole address, like 127.0.0.1"),
    ("1.0x7f", "`1.0x7f` is neither a host name nor an IP address", "write the whole address, like 127.0.0.1"),
    (
        "[fe80::1%25en0]",
        "`[fe80::1%25en0]` has a zone, which is of this machine alone",
        "leave out what is behind the `%`",
    ),
    ("-a.test", "`-a.test` is not a host name", "leave out the `-` at the beginning or the end, or beside a dot"),
    ("", "`` is not a host name", "use letters, digits, `-`, `_` and dots"),
    ("a..test", "`a..test` is not a host name", "leave out the dot at its beginning, or one of two"),
    ("a" * 64, f"`{'a' * 64}` is not a host name", "use at most 63 letters between two dots"),
    ("a-.test", "`a-.test` is not a host name", "leave out the `-` at the beginning or the end, or beside a dot"),
    ("shop.test/x:80", "`shop.test/x:80` is not a host name", "name the host alone: `shop.test`"),
    ("HTTPS://Shop.test", "`HTTPS://Shop.test` is not a host name", "name the host alone: `shop.test`"),
    ("/", "`/` is not a host name", "name the host alone: `localhost`"),
    ("*x.test", "`*x.test` is not a name that clients accept", "name a domain, like `*.dev.localhost`"),
    ("[::]", "`[::]` is where to listen, not where to connect to", "name 127.0.0.1, ::1 or a real address"),
    (f"{LONGEST}e", f"`{LONGEST}e` is not a host name", "use at most 253 letters"),
    (
        "127.0.0.256",
        "`127.0.0.256` is neither a host name nor an IP address",
        "write the whole address, like 127.0.0.1",
    ),
]


@pytest.mark.parametrize(("text", "message", "hint"), BAD, ids=[case[0] for case in BAD])
def test_bad_names(text: str, message: str, hint: str) -> None:
    """A name that no client would accept is refused, with what to write instead."""
    with pytest.raises(ConfigError) as caught:
        names.parse([text])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, hint, "names")


NO_IDNA = {
    "\u0301a.test": ("Label begins with an illegal combining character", "see that it is spelled right"),
    "\u2603.test": (
        "Codepoint U+2603 at position 1 of '\u2603' not allowed",
        "browsers write it as `xn--n3h.test`: pass that",
    ),
    "i\u2764.B\u00fccher.test": (
        "Codepoint U+2764 at position 2 of 'i\u2764' not allowed",
        "browsers write it as `xn--i-7iq.xn--bcher-kva.test`: pass that",
    ),
    "caf\u00e9_bar.test": (
        "Codepoint U+005F at position 5 of 'caf\u00e9_bar' not allowed",
        "browsers write it as `xn--caf_bar-dya.test`: pass that",
    ),
    "j\udcfc.test": ("it is not UTF-8", "see that it is spelled right"),
    "\u200b": ("Empty domain", "see that it is spelled right"),
}


@pytest.mark.parametrize("name", NO_IDNA, ids=ascii)
def test_a_name_that_is_no_idna(name: str) -> None:
    """A name that cannot be written in ASCII gets the reason, and the form of browsers, if they have one."""
    reason, hint = NO_IDNA[name]

    with pytest.raises(ConfigError) as caught:
        names.parse([name])

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        f"`{name}` is not an international host name: {reason}",
        hint,
        "names",
    )
    if "`" in hint:
        assert names.parse([hint.split("`")[1]])


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
        ("a_b.dev.localhost", True),
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
    places = [
        "shop.example",
        ".Other.Example.",
        "*.other.example",
        "10.0.0.0/8",
        "10.1.2.3",
        "a.test",
        "10.0.0.0/8",
        "shop.example",
    ]

    wider = Constraints().widened(places)

    assert wider.domains == ("localhost", "test", "internal", "local", "shop.example", "other.example")
    assert str(wider) == ", ".join((*wider.domains, "127.0.0.0/8", "::1/128", "10.0.0.0/8", "10.1.2.3/32"))
    assert [wider.permit(name) for name in ("x.shop.example", "xshop.example", "10.9.9.9", "11.0.0.1")] == [
        *(True, False),
        *(True, False),
    ]


def test_what_is_beyond_the_usual() -> None:
    """What an authority may vouch for beyond a new one is told from what is inside that anyway."""
    assert Constraints().beyond() is None
    assert Constraints(("test", "a.test"), Constraints().networks[:1]).beyond() is None

    wider = Constraints().widened(["com", "a.test", "10.0.0.0/8", "127.0.0.5", "126.0.0.0/7", "::/0"]).beyond()
    assert str(wider) == "com, 10.0.0.0/8, 126.0.0.0/7, ::/0"
    everything = Constraints(("",), names.ALL)
    assert str(everything.beyond()) == "any name, 0.0.0.0/0, ::/0"
    assert all(map(everything.permit, ("com", "*.a.example", "10.0.0.1", "fe80::1")))


FEW = "Java takes no name with a `_`"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (names.LOCAL, None),
        (["my_app.test"], FEW),
        (["*.my_app.test", "a.test"], f"{FEW}, nor Python one with a `*`"),
        (["*.shop.test", "my_app.test"], FEW),
    ],
)
def test_who_refuses_names(hosts: list[str], expected: str | None) -> None:
    """It is said which clients refuse a name that most of them take."""
    assert names.taken_by_few(hosts) == expected


_BITS = "write how many bits are the network's, like `10.0.0.0/8` or `fd00::/8`"
NO_PLACES = {
    "10.0.0.0/33": ("`10.0.0.0/33` is not a network", _BITS),
    "::1/129": ("`::1/129` is not a network", _BITS),
    "*": ("`*` is not a host name", "a `*` stands for the first label alone, as a whole: `*.dev.localhost`"),
    "10.0.0.1/8": ("`10.0.0.1/8` is not a network", "write `10.0.0.0/8`"),
    "http://shop.example": ("`http://shop.example` is not a host name", "name the host alone: `shop.example`"),
    "a.*.example": (
        "`a.*.example` is not a host name",
        "a `*` stands for the first label alone, as a whole: `*.dev.localhost`",
    ),
    "10.0.0.256": ("`10.0.0.256` is neither a host name nor an IP address", "write the whole address, like 127.0.0.1"),
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
