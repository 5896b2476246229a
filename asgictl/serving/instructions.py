"""What a process needs to know to load and run the app, as a value and as text for the environment."""

import json
from pathlib import Path
from typing import NamedTuple

from asgictl import adapt
from asgictl.discovery import AppRef
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.request import LifespanMode, ShowErrors, TlsVersion

VARIABLE = "ASGICTL_RUNTIME"


class Instructions(NamedTuple):
    """How to load and run the app; times are in seconds.

    `needed` names modules to import before the app, `later` those to import when it is ready. With `reload` an app that
    is broken is served too, as a page that says so to the clients in `show_errors`. A worker ends after `max_requests`.
    `proxies` are the addresses whose X-Forwarded-For and X-Forwarded-Proto are believed, `unix:` for all over a UNIX
    socket. `tls_min` is the oldest version of TLS, or None for plain HTTP. With `unmap` the addresses of IPv4 clients
    come on a socket of IPv6. `http` is uvicorn's argument; the head of a request is limited to `header_timeout` and, in
    bytes, `max_header_size`, where they are not 0. Told to stop, a process answers who is connected for `drain` more.
    """

    ref: AppRef
    how: adapt.Adaptation
    lifespan: LifespanMode = "auto"
    graceful_timeout: float = 8
    startup_timeout: float | None = None
    loop: str = "auto"
    needed: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    access_log: AccessLog | None = None
    reload: bool = False
    show_errors: ShowErrors = "loopback"
    max_requests: int | None = None
    proxies: str | None = None
    tls_min: TlsVersion | None = None
    unmap: bool = False
    http: str = "auto"
    header_timeout: float = 0
    max_header_size: int = 0
    drain: float = 0

    @property
    def limits_heads(self) -> bool:
        """Whether there is any limit for the head of a request."""
        return bool(self.header_timeout or self.max_header_size)

    def dumps(self, **more: str) -> str:
        """Return the instructions and `more` as text."""
        nested = {"ref": self.ref._asdict(), "how": self.how._asdict()}
        if self.access_log:
            nested["access_log"] = self.access_log._asdict()
        return json.dumps({**self._asdict(), **nested, "more": more}, default=str)

    @classmethod
    def loads(cls, text: str) -> tuple["Instructions", dict[str, str]]:
        """Return what `dumps` was given."""
        fields = json.loads(text)
        more = fields.pop("more")
        ref = AppRef(**fields.pop("ref"))
        fields["ref"] = ref._replace(file=Path(str(ref.file)) if ref.file else None)
        fields["how"] = adapt.Adaptation(**fields["how"])
        if fields["access_log"]:
            fields["access_log"] = AccessLog(**fields["access_log"])
        return cls(**fields), more
