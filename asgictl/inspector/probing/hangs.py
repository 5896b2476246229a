"""Which rule an app breaks that does not go on: in a saved session there is nothing of that."""

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding, Observed
from asgictl.inspector.rules import catalogue

# Before the app has answered, and after that.
_RULES = {"http": ("A-155", "A-172"), "websocket": ("A-350", "A-344"), "lifespan": ("A-410", "A-414")}


def judged(fact: Observed, exchange: Exchange, limit: float) -> Finding | None:
    """Return what is wrong with an app that was waited for in vain for `limit` seconds."""
    before, after = _RULES.get(exchange.type, ("A-010", "A-010"))
    rule = catalogue.rules().get(after if exchange.sent else before)
    if rule is None:
        return None
    text = f"{fact.detail} was waited for in vain, for {limit:g} s"
    return Finding(fact.id, fact.n, fact.ms, rule.id, rule.severity, rule.blame, text)
