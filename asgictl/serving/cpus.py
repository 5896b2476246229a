"""How many processes the machine can really run at a time."""

import math
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def available(root: Path = _ROOT) -> int:
    """Return the number of CPUs that this process may use: its affinity, and the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(max(1, min(allowed, _quota(root))))


def _quota(root: Path) -> float:
    """Return the CPUs of the control group (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files)."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((root / file).read_text() for file in files).split()
            if float(quota) > 0:
                return math.ceil(float(quota) / float(period))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return math.inf
