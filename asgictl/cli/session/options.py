"""The options of `asgictl session`: saved exchanges have no configuration."""

from asgictl.cli.option import Form, argument, flag, option, panel
from asgictl.cli.views import FILTERS, SHOWN

_FILES = "What `asgictl inspect --save FILE` has written, also packed (.gz, .zst), or a .har; `-` is stdin."
_VIEW = panel(
    SHOWN,
    view=option("--view", metavar="VIEW", about="line (of several), full (of one), or json."),
)

_LOGGING = panel("Logging", traceback=flag("--traceback", about="The whole stack of errors."))

SHOW = Form(
    {"words": argument("FILE... [ID]", f"{_FILES} Only the exchange ID."), **_VIEW, **FILTERS, **_LOGGING},
    configurable=False,
)

DIFF = Form(
    {
        "words": argument("FILE... [A B]", f"{_FILES} A and B are exchanges; without, two files."),
        **panel("Configuration", json=flag("--json", about="The same as JSON.")),
    },
    configurable=False,
)

EXPORT = Form(
    {
        "files": argument("FILE...", _FILES),
        **panel(
            "The form",
            har=flag("--har", about="HAR 1.2, for a browser's developer tools."),
            curl=option("--curl", metavar="ID", about="A curl command for this exchange."),
            httpie=option("--httpie", metavar="ID", about="An HTTPie command for this exchange."),
        ),
    },
    configurable=False,
)

REPLAY = Form(
    {
        "words": argument("FILE... [ID...]", f"{_FILES} Only these exchanges; all requests without an ID."),
        **panel(
            "Where to",
            app=option("--app", metavar="APP", about="An app, called in this process, without a port."),
            to=option("--to", metavar="URL", about="A server, like http://127.0.0.1:8000."),
            yes=flag("--yes", about="A server on another machine, too."),
            timeout=option("--timeout", metavar="S", about="For an answer."),
        ),
        **panel(
            "What to change",
            method=option("--method", metavar="NAME", about="Another method."),
            path=option("--path", metavar="PATH", about="Another path, with its query."),
            header=option("--header", "-H", metavar="TEXT", about="`Name: value` instead; `Name:` without."),
            body=option("--body", metavar="TEXT", about="Another body; @FILE from a file."),
        ),
        **panel(
            SHOWN,
            diff=flag("--diff", about="Show how the answers differ from the recorded ones."),
            json=flag("--json", about="The differences as JSON."),
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
