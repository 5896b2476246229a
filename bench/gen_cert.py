"""Time of a whole `asgictl gen-cert` beside `openssl req` and mkcert, where they are there.

All make a P-256 certificate for the same names. Rounds are interleaved and medians compared; only the ratios mean
something. Most of asgictl's time is Python's start and the import of `cryptography`, which the last rows show.

    python bench/gen_cert.py [rounds]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ["localhost", "*.dev.localhost", "127.0.0.1", "::1"]
OPENSSL = [
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "199"),
    *("-keyout", "openssl.key", "-out", "openssl.pem", "-subj", "/CN=localhost"),
    *("-addext", "subjectAltName=DNS:localhost,DNS:*.dev.localhost,IP:127.0.0.1,IP:::1"),
]
MKCERT = ["mkcert", "-ecdsa", "-cert-file", "mkcert.pem", "-key-file", "mkcert.key", *NAMES]


def main() -> None:
    """Measure, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    asgictl = [str(Path(sys.executable).with_name("asgictl")), "gen-cert", "--force"]
    commands = {
        "asgictl gen-cert": asgictl,
        "openssl req": OPENSSL,
        "mkcert": MKCERT,
        "asgictl gen-cert, RSA 2048": [*asgictl, "--key-type", "rsa2048"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "python, cryptography imported": [sys.executable, "-c", "import cryptography.x509"],
    }
    commands = {name: command for name, command in commands.items() if shutil.which(command[0])}
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CAROOT": folder, "ASGICTL_CA_DIR": f"{folder}/authority"}
        for number in range(rounds + 1):
            for name, command in commands.items():
                before = time.perf_counter()
                subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
                if number:  # the first round warms the caches, and makes mkcert's authority
                    times[name].append(time.perf_counter() - before)
    asgictl_time = statistics.median(times["asgictl gen-cert"])
    for name, measured in times.items():
        median = statistics.median(measured)
        spread = f"{min(measured) * 1000:.0f}-{max(measured) * 1000:.0f}"
        print(f"{name:30} {median * 1000:6.0f} ms ({spread}), asgictl takes {asgictl_time / median:.2f} times as long")


if __name__ == "__main__":
    main()
