"""The tricks of test_bypass.py: a name, and what is tried in one go on a session of its own."""
from . import lexing, states, sessions, statements

TRICKS = {**lexing.TRICKS, **statements.TRICKS, **states.TRICKS, **sessions.TRICKS}
