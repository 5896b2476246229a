"""The options of `asgictl inspect`: those of `serve` that a single process has, and its own."""

from asgictl.cli.option import Form, flag, option, panel
from asgictl.cli.serve import options as serve_options
from asgictl.cli.views import FILTERS, SHOWN
from asgictl.settings import Rules

# What `serve` has, and a single process whose exchanges are watched has not.
_LEFT_OUT = frozenset(
    (
        *("dev", "prod", "workers", "max_requests", "reload", "reload_dir", "reload_include", "reload_exclude"),
        *("show_errors", "access_log", "access_log_format", "quiet_path", "dry_run", "check"),
    )
)
_SERVING = serve_options.ROWS

ROWS = {
    "app": _SERVING["app"],
    **panel(
        SHOWN,
        view=option("--view", metavar="VIEW", about="line, full or json (line on a terminal, else json)."),
    ),
    **FILTERS,
    **panel(
        "What is kept",
        redact=option("--redact", metavar="NAME", about="Also leave out this header, parameter or cookie."),
        redact_body=option("--redact-body", metavar="NAME", about="Leave out this field in bodies and messages."),
        no_redact=flag("--no-redact", about="Show and save secrets."),
        body_limit=option("--body-limit", metavar="BYTES", about="Keep at most this much of a body or a message."),
        save=option("--save", metavar="FILE", about="Append the exchanges to it, as JSON Lines."),
        save_limit=option("--save-limit", metavar="MB", about="Start a new file at this size; keep the last one."),
    ),
    **panel(
        "How the echo app answers, which is used without an app",
        respond=option("--respond", metavar="STATUS", about="With this status."),
        respond_header=option("--respond-header", metavar="TEXT", about="With `Name: value`."),
        respond_text=option("--respond-text", metavar="TEXT", about="With this text."),
        respond_file=option("--respond-file", metavar="FILE", about="With this file."),
        delay=option("--delay", metavar="S", about="After this many seconds."),
        drop=flag("--drop", about="Close the connection halfway through the answer."),
    ),
    **panel(
        "Which rules of ASGI are checked",
        rules=option("--check", metavar="WHOSE", about="The app's (app), the server's as well (all), or none (off)."),
        ignore=option("--ignore", metavar="RULE", about="Without these rules, like A-168 or A-17?."),
        info=flag("--info", about="Also tell what is legal, and only worth a look."),
        fail_on=option("--fail-on", metavar="SEVERITY", about="End with status 1 after an error, or a warning."),
    ),
    **{field: _SERVING[field] for field in ("print_config", "json")},
    **{field: row for field, row in _SERVING.items() if field not in _LEFT_OUT},
}

_RULES = Rules(
    exclusive=(
        *(pair for pair in serve_options.FORM.rules.exclusive if not _LEFT_OUT.intersection(pair)),
        ("respond_text", "respond_file"),
        ("redact", "no_redact"),
        ("redact_body", "no_redact"),
    ),
    harmless=serve_options.FORM.rules.harmless,
    needs={
        field: other
        for field, other in serve_options.FORM.rules.needs.items()
        if not _LEFT_OUT.intersection((field, other))
    },
)

_MEANT = {
    option: hint.replace("asgictl serve", "asgictl inspect")
    for option, hint in serve_options.FORM.meant.items()
    if not any(f"--{field.replace('_', '-')}" in hint for field in _LEFT_OUT)
}

_REFUSED = {
    **dict.fromkeys(
        ("--reload", "--dev"),
        "drop it: what is recorded would end with each process; `asgictl serve --dev` reloads",
    ),
    **dict.fromkeys(
        ("--workers", "-w", "--max-requests"), "drop it: one process sees every exchange, and in their order"
    ),
    **dict.fromkeys(
        ("--access-log", "--no-access-log", "--access-log-format", "--quiet-path"),
        "drop it: the exchanges are shown instead; --view and --path choose",
    ),
    "--prod": "drop it: `asgictl serve --prod` is for production",
    "--dry-run": "`asgictl serve` has it, for the same app",
}

FORM = Form(ROWS, _RULES, refused=_REFUSED, meant=_MEANT)
