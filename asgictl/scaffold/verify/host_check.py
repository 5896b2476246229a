"""Whether an app turns away the host that a trial asks by, as Django's ALLOWED_HOSTS or a middleware does."""

import re

from asgictl.scaffold.project import Project
from asgictl.scaffold.verify.asking import ContainerClient

REFUSED = 400
# Of Starlette and Litestar, of Django with DEBUG, and of Werkzeug.
_SAID = re.compile(r"invalid host header|DisallowedHost|is not trusted", re.IGNORECASE)


def refuses(client: ContainerClient, project: Project, nowhere: str) -> bool:
    """Tell whether it is the host that the answer 400 is about: `nowhere`, which is not a route, is answered the same.

    What Django says of it without DEBUG may be a page of the project's own.
    """
    status, text = client.read(nowhere)
    return status == REFUSED and (project.app.settings is not None or _SAID.search(text) is not None)


def problem(project: Project) -> str:
    """Return what is wrong, in words."""
    return f"the app does not accept the host `{project.asking.host or '127.0.0.1'}`"


def hint(project: Project) -> str:
    """Return what to do about it."""
    hosts = "ALLOWED_HOSTS" if project.app.settings is not None else "the hosts that it accepts"
    variable = "if they come from a variable, set that in `.env`"
    if project.asking.host is None:
        return f"pass --domain with one of {hosts}; {variable}"
    return f"add {project.asking.host} to {hosts}, or pass --domain with one of them; {variable}"
