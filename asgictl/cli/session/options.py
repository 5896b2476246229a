"""The options of `asgictl session`: saved exchanges have no configuration."""

from asgictl.cli.option import Form, argument, flag, option, panel
from asgictl.cli.views import FILTERS, SHOWN

_FILES = "Files of `asgictl inspect --save`, or HAR files, also packed (.gz, .zst); `-` is stdin."
_VIEW = panel(
    SHOWN,
    view=option("--view", metavar="VIEW", about="line, full or json (full for one, else line)."),
)

_LOGGING = panel("Logging", traceback=flag("--traceback", about="Show the whole stack of errors."))

SHOW = Form(
    {"words": argument("FILE... [ID]", f"{_FILES} With ID, only that exchange."), **_VIEW, **FILTERS, **_LOGGING},
    configurable=False,
)

DIFF = Form(
    {
        "words": argument("FILE... [A B]", f"{_FILES} A and B are exchanges; without them, two files are compared."),
        **panel("Configuration", json=flag("--json", about="Print the differences as JSON.")),
    },
    configurable=False,
)

EXPORT = Form(
    {
        "files": argument("FILE...", _FILES),
        **panel(
            "Format",
            har=flag("--har", about="HAR 1.2, for a browser's developer tools."),
            curl=option("--curl", metavar="ID", about="A curl command for this exchange."),
            httpie=option("--httpie", metavar="ID", about="An HTTPie command for this exchange."),
        ),
    },
    configurable=False,
)

REPLAY = Form(
    {
        "words": argument("FILE... [ID...]", f"{_FILES} With IDs, only those exchanges."),
        **panel(
            "Where to",
            app=option("--app", metavar="APP", about="Call this app in this process, without a port."),
            to=option("--to", metavar="URL", about="Send to this server, like http://127.0.0.1:8000."),
            yes=flag("--yes", about="Allow a server on another machine."),
            timeout=option("--timeout", metavar="S", about="Wait this long for an answer."),
        ),
        **panel(
            "What to change",
            method=option("--method", metavar="NAME", about="Send this method."),
            path=option("--path", metavar="PATH", about="Send this path, with its query."),
            header=option("--header", "-H", metavar="TEXT", about="Set `Name: value`; `Name:` removes it."),
            body=option("--body", metavar="TEXT", about="Send this body; @FILE reads a file."),
        ),
        **panel(
            SHOWN,
            diff=flag("--diff", about="Show how the answers differ from the recorded ones."),
            json=flag("--json", about="Print the differences as JSON."),
            view=_VIEW["view"],
        ),
        **panel(
            "App",
            factory=flag("--factory", about="Call APP to get the app."),
            interface=option("--interface", metavar="KIND", about="asgi3, asgi2 or wsgi."),
        ),
        **_LOGGING,
    },
    configurable=False,
)
