"""Private keys: making, reading and writing them."""

from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from asgictl.errors import FileProblemError

KeyType = Literal["ec256", "ec384", "rsa2048", "rsa3072", "rsa4096"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_SHORTEST_RSA = 2048


def generate(kind: KeyType) -> PrivateKey:
    """Return a new key."""
    if kind == "ec256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ec384":
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def kind_of(key: object) -> KeyType | None:
    """Return the type of a public or private key, or None for one that browsers do not take."""
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        kinds: dict[str, KeyType] = {"secp256r1": "ec256", "secp384r1": "ec384"}
        return kinds.get(key.curve.name)
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        sizes: dict[int, KeyType] = {2048: "rsa2048", 3072: "rsa3072", 4096: "rsa4096"}
        return sizes.get(key.key_size)
    return None


def named(key: CertificatePublicKeyTypes) -> str:
    """Return what to call the type of a key, whatever it is."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def strong(key: CertificatePublicKeyTypes) -> PublicKey | None:
    """Return `key` if browsers take one of its type and size, else None."""
    if isinstance(key, rsa.RSAPublicKey):
        return key if key.key_size >= _SHORTEST_RSA else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and kind_of(key) else None


def pem(key: PrivateKey, password: bytes | None = None) -> bytes:
    """Return `key` in PKCS#8 form (RFC 5208), encrypted if there is a password."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def load(data: bytes, name: str, password: bytes | None = None) -> PrivateKey:
    """Return the key in `data`, the content of the file `name`; raise `FileProblemError` when it cannot be used."""
    try:
        key = serialization.load_pem_private_key(data, password)
    except TypeError as error:
        if password:
            return load(data, name)
        problem = f"`{name}` is encrypted"
        raise FileProblemError(
            problem, hint="give its password: --password-stdin, or --ssl-keyfile-password"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        problem = f"the password does not open `{name}`" if password else f"`{name}` holds no private key in PEM form"
        raise FileProblemError(problem, hint="see that it is the right file") from error
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise FileProblemError(f"`{name}` is neither an EC nor an RSA key", hint="browsers accept no other")
    return key
