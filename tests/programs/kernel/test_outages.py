"""Which of PostgreSQL's errors say that it cannot do it now, and which that it will not do it."""

import psycopg
from django.db import InternalError, OperationalError, connection
from psycopg import errors

from programs.kernel.database import is_outage, is_transient

ERRORS = {error.sqlstate: error for error in errors._sqlcodes.values()}
# Classes of SQLSTATE, or whole ones: PostgreSQL's appendix A.
OUTAGES = (
    *("08000", "08001", "08003", "08004", "08006", "08007", "08P01"),
    "25006",
    *("53000", "53100", "53200", "53300", "53400"),
    *("57P01", "57P02", "57P03", "57P04", "57P05"),
    *("58000", "58030", "58P01", "58P02", "58P03"),
)
ROLLBACKS = ("40000", "40001", "40002", "40003", "40P01")


def test_every_sqlstate_is_told_apart(db: None) -> None:
    connection.ensure_connection()
    for sqlstate, error in ERRORS.items():
        wrapped = InternalError()
        wrapped.__cause__ = error("from the server")
        for each in (wrapped.__cause__, wrapped):
            assert is_outage(each) == (sqlstate in OUTAGES), sqlstate
            assert is_transient(each) == (sqlstate in OUTAGES + ROLLBACKS), sqlstate
    assert set(OUTAGES + ROLLBACKS) - set(ERRORS) == set()


def test_what_psycopg_itself_says_of_a_connection_is_an_outage(db: None) -> None:
    connection.ensure_connection()
    for error in (psycopg.OperationalError("the connection is lost"), psycopg.InterfaceError()):
        assert is_outage(error)
    for no_outage in (OperationalError(), ValueError(), psycopg.ProgrammingError(), None):
        assert not is_outage(no_outage)
        assert not is_transient(no_outage)
