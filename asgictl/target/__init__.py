"""Which app to serve: the one that was named, the one found here, or the bundled one."""

from asgictl.target.find import BUNDLED, Tell, entry, find
from asgictl.target.modules import of_name as locate
from asgictl.target.offers import Candidate
from asgictl.target.ref import SETTINGS, AppRef

__all__ = ["BUNDLED", "SETTINGS", "AppRef", "Candidate", "Tell", "entry", "find", "locate"]
