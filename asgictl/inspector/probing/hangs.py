"""Which rule an app breaks that does not go on: in a saved session there is nothing of that."""

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding, Observed
from asgictl.inspector.rules import catalogue

# By what begins an answer: before that, after that, and once the app has received that its client has gone.
_RULES = {
    "http": ("http.response.start", "A-155", "A-161", "A-172"),
    "websocket": ("websocket.accept", "A-350", "A-350", "A-344"),
}
_LIFESPAN = ("A-410", "A-414")


def judged(fact: Observed, exchange: Exchange, limit: float) -> Finding | None:
    """Return what is wrong with an app that was waited for in vain for `limit` seconds: an error, whatever the rule."""
    number, text = _told(fact.detail, exchange, f"{limit:g} s")
    rule = catalogue.rules().get(number)
    return rule and Finding(fact.id, fact.n, fact.ms, rule.id, "error", rule.blame, text)


def _told(waited: object, exchange: Exchange, limit: str) -> tuple[str, str]:
    """Return the number of the rule, and what is wrong."""
    if exchange.type not in _RULES:
        number = _LIFESPAN[bool(exchange.sent)] if exchange.type == "lifespan" else "A-010"
        return number, f"{waited} was waited for in vain, for {limit}"
    begins, before, after, gone = _RULES[exchange.type]
    has_begun = any(event.direction == "send" and event.type == begins for event in exchange.events)
    is_told = any(event.direction == "receive" and event.type.endswith(".disconnect") for event in exchange.events)
    number = gone if is_told else after if has_begun else before
    if waited == "the event loop":
        return number, f"the app blocks the event loop for more than {limit}: await there, or use a thread"
    if is_told:
        return number, f"the app did not end within {limit} of `{exchange.type}.disconnect`"
    if has_begun:
        return number, f"the app did not end within {limit}: give what it waits for a time limit, and end"
    return number, f"the app did not answer within {limit}: give what it waits for a time limit"
