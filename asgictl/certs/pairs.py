"""Making pairs of certificate and key, and renewing them: the order a user gives, and its way into files."""

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from asgictl.certs import files, issue, keys, names, validity, version_control
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate
from asgictl.certs.issue import Bundle, Issuer
from asgictl.certs.keys import KeyType
from asgictl.certs.request import DAYS
from asgictl.errors import FileProblemError

_RIGHT_KEY = "pass the key that belongs to it, or make both again with --force"


class Order(NamedTuple):
    """What a certificate is to be like: for the `hosts`, or the usual ones, with a key that a `group` may read too.

    `password` encrypts the key, and `p12`, the PKCS #12 file that may hold both.
    """

    hosts: tuple[str, ...] = ()
    key_type: KeyType = "ec256"
    lifetime: dt.timedelta = dt.timedelta(days=DAYS)
    password: bytes | None = None
    group: int | None = None
    p12: Path | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """What it is for."""
        return self.hosts or names.LOCAL

    @property
    def extra(self) -> list[Path]:
        """The files beside the pair."""
        return [self.p12] if self.p12 else []


class Made(NamedTuple):
    """A pair that was written, or left as it was, and what is in it."""

    pair: Pair
    bundle: Bundle
    kept: bool = False

    @property
    def certificate(self) -> Certificate:
        """What the certificate says."""
        return validity.described(self.bundle.leaf)


def for_hosts(issuer: Issuer | None, hosts: Iterable[str]) -> Issuer | None:
    """Return `issuer` if it may vouch for `hosts`, else None: self-sign."""
    if issuer is None:
        return None
    return issuer if all(map(issue.constraints_of(issuer.certificate).permit, hosts)) else None


def new(pair: Pair, order: Order, issuer: Issuer | None, now: dt.datetime, *, force: bool = False) -> Made:
    """Write a new server certificate; raise `FileProblemError` if there is one already, unless `force`."""
    with files.locked(*pair, *order.extra):
        files.recover(pair)
        refuse_existing([*pair.there, *order.extra], force=force)
        return write(pair, order, issuer, now)


def vouched_for(pair: Pair, order: Order, issuer: Issuer, now: dt.datetime, *, force: bool) -> Made:
    """Write a certificate of `issuer`, or keep the present one if it is that already, and good.

    What the present one is for, and like, the new one is too; what the order asks for beyond the usual comes to that.
    Raises `FileProblemError` for a certificate that asgictl has not made, unless `force`.
    """
    with files.locked(*pair, *order.extra):
        files.recover(pair)
        bundle = replaceable(pair, order, force=force)
        if bundle is None:
            return write(pair, order, issuer, now)
        said = validity.described(bundle.leaf)
        hosts = all_hosts(bundle, order)
        present = like(pair, bundle, hosts, order.password)._replace(p12=order.p12)
        asked = [
            name for name in ("key_type", "lifetime", "group") if getattr(order, name) != Order._field_defaults[name]
        ]
        wanted = present._replace(**{name: getattr(order, name) for name in asked})
        is_of_issuer = validity.is_issued_by(bundle.leaf, issuer.certificate)
        is_taken = is_of_issuer and not issue.is_refused_by_gnutls(bundle.leaf)
        if wanted == present and is_taken and hosts == said.names and said.lasts(now):
            _save_p12(bundle, order)
            return Made(pair, bundle, kept=True)
        return write(pair, wanted, issuer, now)


def replaceable(pair: Pair, order: Order, *, force: bool) -> Bundle | None:
    """Return the pair whose names `vouched_for` takes over, None where it writes a new one; raise what it raises."""
    refuse_existing(order.extra, force=force)
    if force or not pair.there:
        return None
    bundle = loaded(pair, order.password)
    if not validity.described(bundle.leaf).is_ours:
        problem = f"`{pair.certificate}` was not made by asgictl"
        raise FileProblemError(problem, hint="pass --force to replace it, or --out to write elsewhere")
    return bundle


def all_hosts(present: Bundle | None, order: Order) -> tuple[str, ...]:
    """Return what `vouched_for` makes a certificate for, with the `present` one."""
    if present is None:
        return order.wanted
    return tuple(dict.fromkeys([*validity.described(present.leaf).names, *order.hosts]))


def like(pair: Pair, present: Bundle, hosts: tuple[str, ...], password: bytes | None) -> Order:
    """Return the order for a successor of `present` for `hosts`, which is like it in all else."""
    assert present.key is not None  # noqa: S101  # it was read
    leaf = present.leaf
    return Order(
        hosts=hosts,
        key_type=keys.kind_of(present.key) or "ec256",
        lifetime=leaf.not_valid_after_utc - leaf.not_valid_before_utc,
        password=password,
        group=files.group_of(pair.key),
    )


def loaded(pair: Pair, password: bytes | None, *, hint: str = _RIGHT_KEY) -> Bundle:
    """Return what is in the files of `pair`; raise `FileProblemError`, for two that do not match with this `hint`."""
    leaf, *chain = validity.load(files.read(pair.certificate), str(pair.certificate))
    key = keys.load(files.read(pair.key), str(pair.key), password)
    if not validity.is_pair(leaf, key):
        problem = f"`{pair.key}` is not the key of `{pair.certificate}`"
        raise FileProblemError(problem, hint=hint)
    return Bundle(leaf, tuple(chain), key)


def refuse_existing(wanted: Iterable[Path], *, force: bool) -> None:
    """Raise `FileProblemError` for a file that would be replaced, unless `force`."""
    for file in wanted if not force else ():
        if os.path.lexists(file):
            raise FileProblemError(f"`{file}` already exists", hint="pass --force to replace it")


def check(bundle: Bundle, now: dt.datetime) -> None:
    """Raise `RuntimeError` unless a strict client would accept a server certificate that we have made."""
    if fault := validity.fault(bundle.leaf, bundle.chain, now):
        raise RuntimeError(fault)


def write(pair: Pair, order: Order, issuer: Issuer | None, now: dt.datetime) -> Made:
    """Write a new server certificate in place of what is there; call it inside `files.locked`."""
    bundle = issue.server(order.wanted, keys.generate(order.key_type), order.lifetime, now, issuer)
    check(bundle, now)
    return save(pair, bundle, order)


def described(order: Order, issuer: Issuer | None, now: dt.datetime) -> Certificate:
    """Return what a certificate would say that `write` makes now."""
    bundle = issue.server(order.wanted, keys.generate(order.key_type), order.lifetime, now, issuer)
    return validity.described(bundle.leaf)


def save(pair: Pair, bundle: Bundle, order: Order) -> Made:
    """Write a bundle with its key as ordered; call it inside `files.locked`."""
    assert bundle.key is not None  # noqa: S101  # only that of a request is somebody else's
    for file in (pair.key, *order.extra):
        version_control.keep_out(file)
    files.write(pair, bundle.pem(), keys.pem(bundle.key, order.password), order.group)
    _save_p12(bundle, order)
    return Made(pair, bundle)


def _save_p12(bundle: Bundle, order: Order) -> None:
    if order.p12 and order.password:
        files.write_one(order.p12, bundle.p12(order.password), secret=True)
