"""API keys: issuing, finding, rotating and revoking them. Only the digest of a key is stored.

A key is `lrl_`, 32 random base62 characters (190 bits) and the CRC32 of both in 6 base62 characters. The
checksum lets a mistyped or foreign key be refused without a query, and lets secret scanners recognize ours.
"""

import hashlib
import hmac
import secrets
import string
import threading
import time
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from programs.kernel.actors import Actor
from programs.models import ApiKey, Scope

PREFIX = "lrl_"
LENGTH = len(PREFIX) + 32 + 6
CACHED_SECONDS = 4.0  # a revoked key must be refused in every process within 5 seconds
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHARACTERS = frozenset(_ALPHABET)


def issue(
    *, name: str, scopes: Sequence[str], by: Actor, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create a key. Returns its row and the key itself, which cannot be shown again."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(32))
    key = body + _checksum(body)
    row = ApiKey.objects.create(
        name=name,
        digest=_digest(key),
        prefix=key[:8],
        suffix=key[-4:],
        scopes=[scope for scope in Scope.values if scope in scopes],
        expires_at=expires_at,
        created_by=str(by),
    )
    return row, key


def rotate(old: ApiKey, *, by: Actor, overlap: timedelta) -> tuple[ApiKey, str]:
    """Create a second key with the name, scopes and expiry of the old one, which keeps working for `overlap`.

    Raises ValueError for a key that is revoked or has expired.
    """
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(no_key=True).get(pk=old.pk)
        if not old.is_usable:
            raise ValueError("A key that no longer works cannot be rotated; issue a new one.")
        new, key = issue(name=old.name, scopes=old.scopes, by=by, expires_at=old.expires_at)
        ends = timezone.now() + overlap
        old.expires_at = min(old.expires_at, ends) if old.expires_at else ends
        old.save(update_fields=["expires_at"])
    return new, key


def revoke(key: ApiKey) -> None:
    """Revoke the key for good, in every process within five seconds. Revoking it twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])


def note_exposure(key: ApiKey) -> None:
    """Remember that the key came over plain HTTP; written at most once a minute."""
    now = timezone.now()
    stale = Q(exposed_at=None) | Q(exposed_at__lte=now - timedelta(minutes=1))
    ApiKey.objects.filter(stale, pk=key.pk).update(exposed_at=now)


def clear_exposure(key: ApiKey) -> None:
    """Forget that the key came over plain HTTP."""
    ApiKey.objects.filter(pk=key.pk).update(exposed_at=None)


def is_well_formed(key: str) -> bool:
    """Whether the text can be one of our keys, decided without a query."""
    if len(key) != LENGTH or not key.startswith(PREFIX):
        return False
    if not _CHARACTERS.issuperset(key[len(PREFIX) :]):
        return False
    return hmac.compare_digest(key[-6:], _checksum(key[:-6]))


class KeyRing:
    """Cache of the usable keys that this process has seen lately, so that most calls need no query for their key."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, ApiKey]] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> ApiKey | None:
        """Return the usable ApiKey, or None: how a key is refused. At most one query, none within CACHED_SECONDS of the last."""
        if not is_well_formed(key):
            return None
        digest = _digest(key)
        now = time.monotonic()
        read_at, row = self._seen.get(digest, (0.0, None))
        if row is None or now - read_at > CACHED_SECONDS:
            row = ApiKey.objects.usable().filter(digest=digest).first()
            self._remember(digest, now, row)
        # The index has compared digests already, but not in constant time.
        if row is None or not hmac.compare_digest(row.digest, digest) or not row.is_usable:
            return None
        _note_use(row)
        return row

    def _remember(self, digest: str, now: float, row: ApiKey | None) -> None:
        with self._lock:
            self._seen = {
                known: (read_at, seen)
                for known, (read_at, seen) in self._seen.items()
                if now - read_at <= CACHED_SECONDS
            }
            # Unknown keys are not cached: a caller who sends many of them would fill the memory.
            if row is not None:
                self._seen[digest] = (now, row)


def _note_use(row: ApiKey) -> None:
    """Write `last_used_at`, at most once a minute across all processes."""
    now = timezone.now()
    stale = now - timedelta(minutes=1)
    if row.last_used_at is None or row.last_used_at <= stale:
        row.last_used_at = now  # before the write, since this process's threads share the row
        ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=stale), pk=row.pk).update(
            last_used_at=now
        )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    number, figures = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, len(_ALPHABET))
        figures = _ALPHABET[rest] + figures
    return figures
