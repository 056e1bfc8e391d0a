"""Movements of value: the only code that writes balances and journal entries.

`post` carries out one call, and `preview` shows what it would do; `opened` is for whoever moves value together with something else; `mature_due` makes deferred
credits available; `verify.faults` checks everything.
"""

from participants.ledger.mature import mature_due
from participants.ledger.post import Posted, post, preview
from participants.ledger.request import Movement
from participants.ledger.writing import opened

__all__ = ["Movement", "Posted", "mature_due", "opened", "post", "preview"]
