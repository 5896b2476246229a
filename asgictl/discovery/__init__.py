"""Which app to serve: the one that was named, the one found here, or the bundled one."""

from asgictl.discovery.find import BUNDLED, Tell, entry, find
from asgictl.discovery.ref import SETTINGS, AppRef
from asgictl.discovery.source.modules import of_name as locate
from asgictl.discovery.source.offers import Candidate

__all__ = ["BUNDLED", "SETTINGS", "AppRef", "Candidate", "Tell", "entry", "find", "locate"]
