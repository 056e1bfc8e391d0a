"""How Django itself writes times: as `programs.reader.moment` does."""

from programs.reader import DJANGOS_MOMENT

DATETIME_FORMAT = DJANGOS_MOMENT
DATE_FORMAT = "Y-m-d"
