"""`asgictl gen-cert --check`: what is there, and who trusts it."""

import datetime as dt
import os
from typing import TYPE_CHECKING

from asgictl import errors
from asgictl.console import Console
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.certs.files import Pair


def check(console: Console, pair: "Pair", password: bytes | None, *, must_be_trusted: bool) -> int:
    """Print what there is to say of a pair; return 1 when something is wrong with it."""
    from asgictl.certs import check as examination
    from asgictl.certs import stores, trust

    now = dt.datetime.now(dt.UTC)
    folder = trust.folder(os.environ)
    found = examination.inspect(pair, password, folder, stores.this_machine(), stores.run)
    said = found.certificate
    faults = list(found.faults)
    if must_be_trusted:
        faults += [f"not trusted by {place}" for place, trusted in found.trusted.items() if not trusted]
    issuer = "itself" if said.self_signed else f"{said.issuer}{', your authority' if found.by_authority else ''}"
    rows = [
        ("certificate", str(pair.certificate)),
        ("names", ", ".join(said.names) or "none"),
        ("valid", f"{said.not_before:%Y-%m-%d} to {said.not_after:%Y-%m-%d}, {said.left(now)} left"),
        ("key", f"{pair.key}, {found.key_type}{f', {found.mode:04o}' if found.mode is not None else ''}"),
        ("signed by", issuer),
        *(("trusted" if trusted else "not trusted", f"by {place}") for place, trusted in found.trusted.items()),
        *(("wider", text) for text in [found.extent] if text),
        *(("not seen", text) for text in found.unseen),
        *(("wrong", fault) for fault in faults),
    ]
    data = {
        "certificate": str(pair.certificate),
        "key": str(pair.key),
        "names": list(said.names),
        "not_before": said.not_before.isoformat(),
        "not_after": said.not_after.isoformat(),
        "days_left": said.days_left(now),
        "key_type": found.key_type,
        "key_mode": f"{found.mode:04o}" if found.mode is not None else None,
        "issuer": said.issuer,
        "self_signed": said.self_signed,
        "by_authority": found.by_authority,
        "fingerprint": said.fingerprint,
        "trusted": found.trusted,
        "faults": faults,
        "wider": found.extent,
        "unseen": found.unseen,
    }
    console.result("\n".join(plain(f"{label:<11}  {text}") for label, text in rows), data)
    return errors.FOUND if faults else 0
