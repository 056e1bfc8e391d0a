"""The refusals of this app, with their codes; `config.api.errors.STATUS` gives each code its status."""

from programs.kernel.exceptions import DomainError, NotFound


class ProgramNotFound(NotFound):
    message = "There is no program with this id."


class ProgramInactive(DomainError):
    code = "program_inactive"
    message = "The program is suspended or archived and accepts no enrollments or events."


class AssetNotFound(NotFound):
    message = "There is no asset with this id."


class TierTrackNotFound(NotFound):
    message = "There is no tier track with this key in this program."


class TierTrackChanged(DomainError):
    message = "Somebody else has changed this track in the meantime. Reload the page."


class RuleNotFound(NotFound):
    message = "There is no rule with this id."


class RuleChanged(DomainError):
    message = "Somebody else has changed this rule in the meantime. Reload the page."


class OrderTaken(DomainError):
    code = "order_taken"
    message = "Another active rule of the program has this order."


class InUse(DomainError):
    code = "in_use"
    message = "Rules still name it."


class CounterInUse(DomainError):
    code = "in_use"
    message = "Another rule counts this counter in another window."
