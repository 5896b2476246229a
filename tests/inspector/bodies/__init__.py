"""What is inside of bodies."""

from hypothesis import HealthCheck, settings

# For a machine that is busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
