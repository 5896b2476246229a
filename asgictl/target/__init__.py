"""Which app to serve: the one that was named, the one found here, or the bundled one."""

from asgictl.target.find import BUNDLED, Tell, entry, entry_kind, find
from asgictl.target.modules import of_name as locate
from asgictl.target.ref import AppRef

__all__ = ["BUNDLED", "AppRef", "Tell", "entry", "entry_kind", "find", "locate"]
