"""How a launch is told to the user."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from asgictl.cli import qr
from asgictl.console import Console
from asgictl.reading import shown
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.discovery import AppRef
    from asgictl.serving.events import Ready
    from asgictl.serving.plan import ServePlan
    from asgictl.serving.tls import Secured


def tell_stand_in(console: Console, ref: "AppRef", command: str) -> None:
    """Say where nothing was found, if the bundled app, or another one of ours, stands in."""
    if ref.looked:
        console.note(f"no app found, looked in {', '.join(ref.looked)}; serving {ref.found}")
        console.hint(f"name yours: `asgictl {command} module:app`")


class Style(NamedTuple):
    """What is said when the app is ready: with a browser, a QR code, by which command, one line instead of a table."""

    browser: bool
    qr: bool
    command: str = "serve"
    terse: bool = False


class Banner:
    """Tells the user how the launch goes."""

    def __init__(self, console: Console, plan: "ServePlan", style: Style, *, started: float) -> None:
        """Speak through `console`; `started` is when the command began, by `time.perf_counter`."""
        self._console = console
        self._plan = plan
        self._style = style
        self._started = started
        self._introduced = False
        self.note = console.note
        self.problem = console.error

    def found(self, ref: "AppRef") -> None:
        """Introduce this app in the banner, or by a line where there was one for another."""
        self._plan = self._plan._replace(instructions=self._plan.instructions._replace(ref=ref))
        if self._introduced:
            self.note(f"{ref} is served now, {ref.found}")
        for note in ref.notes:
            self.note(note)

    def changed(self, files: Sequence[str]) -> None:
        """Name what has changed."""
        self._started = time.perf_counter()
        if not files:
            return
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        self._console.note(f"{shown(Path(files[0]))}{more} changed, restarting")

    def ready(self, ready: "Ready") -> None:
        """Print the banner, open the browser; from the second time on only say that it is ready again."""
        milliseconds = round((time.perf_counter() - self._started) * 1000)
        if ready.kind is None:
            self._console.note(f"{ready.url} shows the error; the next change restarts the app")
            return
        if self._introduced:
            self._console.note(f"ready again in {milliseconds} ms")
            return
        self._introduced = True
        self._introduce(ready, milliseconds)
        if self._style.browser:
            _open(ready.url)
        if self._style.qr:
            if ready.loopback and not ready.url.startswith("unix:"):
                self._console.note("no phone reaches this machine's loopback address: pass --host 0.0.0.0")
            self._console.line(qr.code(ready.network_url or ready.url))

    def _introduce(self, ready: "Ready", milliseconds: int) -> None:
        ref = self._plan.instructions.ref
        workers = f" with {self._plan.workers} workers" if self._plan.workers > 1 else ""
        tell_stand_in(self._console, ref, self._style.command)
        place = ready.network_url or ready.url
        left = f", certificate: {_days(ready.tls)}" if ready.tls else ""
        line = f"asgictl serves {ref} ({ready.kind}) at {place}{workers}{left}, ready in {milliseconds} ms"
        if self._console.as_json:
            self._console.event("info", line, app=str(ref), **_as_data(ready))
        elif self._style.terse:
            self._console.line(line)
        else:
            self._print_table(ready, f"in {milliseconds} ms{workers}, Ctrl-C stops it")

    def _print_table(self, ready: "Ready", when: str) -> None:
        ref = self._plan.instructions.ref
        rows = [
            ("App", f"{self._console.styled(str(ref), 'bold')} ({ready.kind}), {plain(ref.found)}"),
            *(("Also", plain(other)) for other in ref.also),
            ("Local", self._console.styled(ready.url, "bold", "cyan")),
            ("Network", self._network(ready)),
            *(
                [("Docs", plain(f"{ready.url}{ready.docs}"))]
                if ready.docs and not ready.url.startswith("unix:")
                else []
            ),
            *([("TLS", _certificate(ready.tls))] if ready.tls else []),
            *([("HTTP", f"{ready.redirect} leads here")] if ready.redirect else []),
            *([("Reload", self._watched())] if self._plan.watch else []),
            ("Ready", when),
        ]
        self._console.table(rows)
        if self._plan.tls and self._plan.tls.ssl_certfile is None and (hint := _for_others(ready)):
            self._console.hint(hint)

    def _watched(self) -> str:
        assert self._plan.watch is not None  # noqa: S101  # the caller has looked
        return f"when something changes in {', '.join(map(_folder, self._plan.watch.folders))}"

    def _network(self, ready: "Ready") -> str:
        if not ready.loopback and ready.network_url is None:
            return self._console.styled("every address of this machine", "dim")
        if ready.network_url:
            shown = self._console.styled(ready.network_url, "bold", "cyan")
            return f"{shown}{self._console.styled(_not_for(ready), 'dim')}"
        if ready.url.startswith("unix:"):
            return self._console.styled("this machine only", "dim")
        return self._console.styled("this machine only, --host 0.0.0.0 for others", "dim")


class CheckReport:
    """Tells how a check goes, which stops the app as soon as it is ready."""

    def __init__(self, console: Console, plan: "ServePlan") -> None:
        self._console = console
        self._plan = plan
        self.note = console.note
        self.problem = console.error

    def found(self, ref: "AppRef") -> None:
        """Never called: a check does not reload."""

    def changed(self, files: Sequence[str]) -> None:
        """Never called: a check does not reload."""

    def ready(self, ready: "Ready") -> None:
        """Say that all is well, and stop."""
        from asgictl.serving.processes import stopping

        self._console.note(f"{self._plan.instructions.ref} ({ready.kind}) starts and would answer at {ready.url}")
        stopping.request()


def _as_data(ready: "Ready") -> dict[str, object]:
    """Return where the app answers, for programs."""
    data: dict[str, object] = {
        "url": ready.url,
        "network_url": ready.network_url,
        "docs": ready.docs,
        "redirect": ready.redirect,
    }
    if ready.tls:
        certificate = ready.tls.certificate
        data["certificate"] = {
            "names": certificate.names,
            "not_after": certificate.not_after.isoformat(),
            "trusted_by_system": ready.tls.system,
            "trusted_by_browsers": ready.tls.browsers,
        }
    return data


def _not_for(ready: "Ready") -> str:
    """Return a remark where the certificate is not for the address in the network."""
    if ready.tls is None:
        return ""
    from asgictl.certs import names

    return "" if names.match(ready.tls.certificate.names, _host(ready)) else ", which the certificate is not for"


def _for_others(ready: "Ready") -> str | None:
    """Return how the certificate that asgictl keeps comes to be for what others call this machine, if it is not."""
    if not ready.tls or not ready.tls.certificate.is_ours or ready.loopback:
        return None
    from asgictl.certs import offer
    from asgictl.serving.sockets import lan

    wanted = [host for host in (_host(ready), lan.name()) if host]
    return offer.hint(ready.tls.certificate.names, wanted, ready.tls.authority)


def _host(ready: "Ready") -> str:
    """Return the host by which the network reaches the server, as far as that is known."""
    return urlsplit(ready.network_url or "").hostname or ""


def _days(tls: "Secured") -> str:
    return f"{tls.certificate.left(datetime.now(UTC))} left"


def _certificate(tls: "Secured") -> str:
    """Return what there is to know of a certificate: how long it is good, and for whom."""
    days = _days(tls)
    if tls.system and tls.browsers:
        return f"{days}, trusted by the system and by browsers"
    if tls.browsers is None:
        return days if tls.system is None else f"{days}, {'' if tls.system else 'not '}trusted by the system"
    if not tls.system and not tls.browsers:
        return f"{days}, trusted neither by the system nor by browsers: `asgictl gen-cert --trust`"
    return f"{days}, trusted by {'the system, not by browsers' if tls.system else 'browsers, not by the system'}"


def _folder(path: Path) -> str:
    text = plain(shown(path))
    return "this folder" if text == "." else text


def _open(url: str) -> None:
    """Open the browser, in a thread: some platforms wait until it is up."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
