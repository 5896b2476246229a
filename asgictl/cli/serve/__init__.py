"""`asgictl serve`."""

import time
from pathlib import Path

from asgictl.cli.command import Invocation, alone
from asgictl.cli.serve import options, planning
from asgictl.cli.serve.options import ServeFlags
from asgictl.errors import ConfigError
from asgictl.serving.request import ServeRequest
from asgictl.settings import Rank

# What does nothing for some kinds of apps.
_FOR_SOME = ("wsgi_threads", "static")


def serve(request: ServeRequest, flags: ServeFlags, run: Invocation) -> int:
    """Serve an app: the one named, the one found here, or the bundled one.

    \b
    asgictl serve                       the app found in this folder
    asgictl serve --dev                 the same, restarted when a file changes
    asgictl serve main:app --port 9000  the object `app` of the module `main`
    asgictl serve src/shop/web.py       a file
    asgictl serve shop.web:create_app   a factory, of any framework
    asgictl serve --https               with a certificate made on the spot
    asgictl serve --prod -w 4           four processes, as in production
    asgictl serve demo --open           the bundled app, in the browser
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    started = time.perf_counter()
    if flags.json and not flags.print_config:
        raise ConfigError("`--json` needs --print-config", hint="for JSON logs pass --log-format json")
    if flags.print_config:
        from asgictl.cli.serve import print_config

        return print_config.show(run, request.app)
    planning.check_qr(flags)
    if request.reload_dir and not request.reload and run.settings["reload_dir"].rank is Rank.VARIABLE:
        planning.check_folders(request.reload_dir)
    plan = planning.plan_of(request, run.console, run.own_environ)
    if plan.watch:
        plan = plan._replace(watch=plan.watch._replace(env_files=tuple(map(Path, flags.env_file))))
    planning.check_meant(plan, [name for name in _FOR_SOME if run.is_typed(name)])
    if plan.bind.fd is not None and request.fd is None and (run.is_given("host") or run.is_given("port")):
        run.console.note("the socket that systemd passes is served; --host and --port do not count")
    if flags.dry_run:
        if plan.search:
            plan.search()  # which raises what is wrong
        from asgictl.cli.serve import dry_run

        return dry_run.show(run.console, plan)
    from asgictl.cli.serve import banner
    from asgictl.serving import django_checks, launch

    if request.check:
        return launch.launch(plan, banner.CheckReport(run.console, plan), django_checks.django)
    style = banner.Style(terse=request.prod, browser=flags.open, qr=flags.qr)
    return launch.launch(plan, banner.Banner(run.console, plan, style, started=started))


app = alone("serve", options.FORM, serve)
