"""The options of `asgictl check`."""

from asgictl.cli.option import Form, argument, flag, one_of, option, panel
from asgictl.cli.serve import options as serve_options
from asgictl.settings import Rules

_WHO = ("app", "server", "all")

_SERVING = serve_options.ROWS

ROWS = {
    "app": argument("APP", f"{_SERVING['app'].about} With --rules the number of a rule."),
    **panel(
        "What is probed",
        path=option("--path", metavar="PATH", about="Also this path; POST:/x with that method, WS:/x a WebSocket."),
        header=option("--header", "-H", metavar="TEXT", about="Send `Name: value` with every request."),
        body=option("--body", metavar="TEXT", about="Send this body where one is sent; @FILE reads a file."),
        unsafe=flag("--unsafe", about="Also call POST, PUT, PATCH and DELETE of the app's routes."),
        time_limit=option("--time-limit", metavar="S", about="Wait this long for each answer, startup and shutdown."),
        session=option("--session", metavar="FILE", about="Judge what `asgictl inspect --save` has recorded instead."),
        against=option("--against", metavar="URL", about="Check a server instead; `help` tells how."),
        yes=flag("--yes", about="With --against: send the requests to another machine, too."),
    ),
    **panel(
        "What counts",
        blame=option("--blame", metavar="WHO", about="Rules of the app, the server, or all.", complete=one_of(_WHO)),
        ignore=option("--ignore", metavar="RULE", about="Without these rules, like A-168 or A-17?."),
        info=flag("--info", about="Also tell what is legal, and only worth a look."),
        fail_on=option("--fail-on", metavar="SEVERITY", about="Exit with 1 from here on: error, warning or never."),
    ),
    **panel(
        "Report",
        format=option("--format", metavar="FORM", about="text, json, sarif, junit or github."),
        output=option("--output", metavar="FILE", about="Write it there, and the text to stdout."),
        rules=flag("--rules", about="Print the catalogue, or the rule that is named."),
    ),
    **panel("App", factory=_SERVING["factory"], interface=_SERVING["interface"]),
    **panel("Configuration", profile=_SERVING["profile"], env_file=_SERVING["env_file"]),
    **panel("Logging", traceback=_SERVING["traceback"]),
}

FORM = Form(
    ROWS,
    Rules(exclusive=(("session", "rules"), ("session", "against"), ("against", "rules")), needs={"yes": "against"}),
    bare={"--against": "help"},
)
