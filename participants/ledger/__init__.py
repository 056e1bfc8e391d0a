"""Movements of value: the only code that writes balances and journal entries.

`post` carries out what one call asks; `mature_due` makes available what was deferred; `verify.faults` checks everything.
"""

from participants.ledger.mature import mature_due
from participants.ledger.post import Posted, post
from participants.ledger.request import Movement

__all__ = ["Movement", "Posted", "mature_due", "post"]
