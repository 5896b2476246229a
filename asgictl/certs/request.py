"""What `asgictl gen-cert` can be asked for: each field is one of its options."""

from typing import Annotated, NamedTuple

from asgictl.option_types import Range, Trait

# One day less than public certificates may have since 2026-03-15 (CA/Browser Forum, section 6.3.2); in days.
DAYS = 199

_File = Annotated[str | None, Trait.PATH, Trait.INSIDE]
_Action = Annotated[str | None, Trait.ACTION]


class CertRequest(NamedTuple):
    """A certificate for `names`, the usual ones without any, or for a `client`, or for the request in the file `csr`.

    `days` is how long it is valid; `group` may read the key. A new authority may also vouch for `ca_permit`.
    """

    names: tuple[str, ...] = ()
    out: Annotated[str, Trait.PATH, Trait.INSIDE] = "ssl"
    cert_file: _File = None
    key_file: _File = None
    p12: _File = None
    group: Annotated[int | None, Range(0, 2**31 - 1), Trait.MACHINE] = None
    force: Annotated[bool, Trait.ACTION] = False
    days: Annotated[int, Range(1)] = DAYS
    key_type: str = "ec256"
    client: _Action = None
    csr: _Action = None
    store: Annotated[tuple[str, ...], Trait.MACHINE] = ()
    ca_permit: Annotated[tuple[str, ...], Trait.MACHINE] = ()
