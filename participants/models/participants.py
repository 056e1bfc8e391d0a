import re
from typing import Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now, StrIndex, Upper

from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField
from programs.models import Program
from programs.models.rules import MAX_TAG_LENGTH

MAX_EXTERNAL_ID_LENGTH = 255
MAX_TAGS = 100
MAX_ATTRIBUTES = 100
PROFILE_FIELDS = ("email", "phone", "first_name", "last_name", "display_name")


class SearchText(Func):
    """What `search` looks through: the given columns as one text of lines, in capitals.

    The index and the filter must spell it alike. The collation is named because external_id has its own and
    PostgreSQL will not guess between two.
    """

    template = 'upper((%(expressions)s) COLLATE "default")'
    arg_joiner = " || E'\\n' || "
    output_field = models.TextField()


class Digits(Func):
    """The digits of a phone number, however it is written."""

    function = "regexp_replace"
    template = "%(function)s(%(expressions)s, '[^0-9]', '', 'g')"
    output_field = models.TextField()


# Begins and ends with an empty line, so that "\n…\n" finds whole lines: trigrams know where a word begins and ends.
SEARCH_TEXT = SearchText(
    Value("", output_field=models.TextField()),
    *map(F, ["external_id", *PROFILE_FIELDS]),
    Digits("phone"),
    Value("", output_field=models.TextField()),
)
# Of a word that may be part of a phone number, the digits are looked for, too.
_OF_A_PHONE_NUMBER = re.compile(r"[-+()/.0-9]*", re.ASCII)


class AreStorableAttributes(Func):
    """The limits of attributes as a check: a flat object of at most 100 keys.

    Lengths are state.changes' alone to hold: a regular expression that counts to 1000 costs 3 ms for each value.
    """

    arity = 1
    output_field = models.BooleanField()
    # `strict`, since the default mode of a path looks into arrays.
    template = f"""(
        jsonb_typeof(%(expressions)s) = 'object'
        AND jsonb_array_length(jsonb_path_query_array(%(expressions)s, '$.keyvalue()')) <= {MAX_ATTRIBUTES}
        AND NOT jsonb_path_exists(%(expressions)s, 'strict $.* ? (
            @.type() == "object" || @.type() == "array" || @.type() == "null")')
    )"""


class ParticipantStatus(models.TextChoices):
    """Whether a participant earns and spends.

    Unless ACTIVE, rules' actions with `needs_active` fail (participants.events.actions), as do movements by API but a
    forfeit of a CLOSED participant (participants.ledger.post) and setting tiers by API (participants.state.tiers).
    """

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def active(self) -> Self:
        return self.filter(status=ParticipantStatus.ACTIVE)

    def tagged(self, tag: str) -> Self:
        # As it is, too: earlier releases kept the spaces around a tag.
        return self.filter(tags__overlap=list({tag.lower(), tag.strip().lower()}))

    def enrolled_in(self, program_id: UUID) -> Self:
        enrolled = Enrollment.objects.active().filter(
            participant=models.OuterRef("pk"), program=program_id
        )
        return self.filter(models.Exists(enrolled))

    def matching(self, text: str) -> Self:
        """Those with each word of the text in an id, address, number or name.

        Where each is under three characters, or without a letter or digit: those whose id begins with the text. A trigram
        index finds nothing by so little, and a scan of a million people is no answer.
        """
        words = dict.fromkeys(text.split())
        found = [word for word in words if len(word) >= 3 and any(map(str.isalnum, word))]
        if not found:
            return self.filter(external_id__startswith=text.strip())
        people = self.alias(search_text=SEARCH_TEXT)
        for word in found:
            people = people.filter(_has(word))
        for word in words:
            if word not in found:
                # Not as LIKE, for which the index would be read as a whole.
                place = StrIndex("search_text", _upper(word))
                people = people.alias(place=place).filter(place__gt=0)
        return people

    def with_email(self, email: str) -> Self:
        """Those with this address, whatever its case."""
        email = email.strip()
        same = self._with_line(email).alias(upper_email=Upper("email"))
        return same.filter(upper_email=_upper(email))

    def with_phone(self, phone: str) -> Self:
        """Those whose number has these digits, however both are written."""
        digits = _digits(phone)
        return self._with_line(digits).alias(digits=Digits("phone")).filter(digits=digits)

    def _with_line(self, line: str) -> Self:
        found = self.alias(search_text=SEARCH_TEXT)
        return found.filter(search_text__contains=_upper(f"\n{line}\n"))


def _has(word: str) -> Q:
    found = Q(search_text__contains=_upper(word))
    digits = _digits(word)
    if digits != word and len(digits) >= 3 and _OF_A_PHONE_NUMBER.fullmatch(word):
        found |= Q(search_text__contains=_upper(digits))
    return found


def _upper(text: str) -> Upper:
    return Upper(Value(text, output_field=models.TextField()))


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


class Participant(models.Model):
    """A person in the client's application, known by the client's own id for them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    external_id = models.CharField(
        max_length=MAX_EXTERNAL_ID_LENGTH,
        db_collation="C",  # by bytes: the same order everywhere, and a prefix is a range of the index
        help_text="Your application's id for this person, case-sensitive; 1 to 255 characters.",
    )
    status = models.CharField(
        max_length=16,
        choices=ParticipantStatus,
        default=ParticipantStatus.ACTIVE,
        db_default=ParticipantStatus.ACTIVE,
        help_text="Only ACTIVE participants earn and spend.",
    )
    email = models.CharField(max_length=255, blank=True, default="", db_default="")
    phone = models.CharField(max_length=50, blank=True, default="", db_default="")
    first_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    last_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    display_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    tags = ArrayField(
        models.CharField(max_length=MAX_TAG_LENGTH),
        blank=True,
        default=list,
        db_default=[],
        help_text="Lower-case labels, at most 100 of 1 to 255 characters.",
    )
    attributes = ExactJSONField(
        blank=True,
        default=dict,
        db_default={},
        help_text="At most 100 keys of 1 to 100 characters; values are text of at most 1000, numbers or booleans.",
    )
    # What the hash of the first journal entry begins with.
    ledger_salt = models.UUIDField(db_default=RandomUUID(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # Not unique=True, which adds a second index for LIKE that this collation does not need.
            models.UniqueConstraint(
                fields=["external_id"], name="participant_external_id_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(external_id__regex=r"\S"), name="participant_external_id_is_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(status__in=ParticipantStatus.values),
                name="participant_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(tags__len__lte=MAX_TAGS) & ~Q(tags__contains=[""]),
                name="participant_tags_are_few_and_not_empty",
            ),
            models.CheckConstraint(
                condition=AreStorableAttributes(F("attributes")),
                name="participant_attributes_are_flat_and_few",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="participant_by_created_at"),
            models.Index(fields=["status", "created_at", "id"], name="participant_by_status"),
            GinIndex(F("tags"), name="participant_by_tag"),
            GinIndex(OpClass(SEARCH_TEXT, name="gin_trgm_ops"), name="participant_by_words"),
        ]

    def __str__(self) -> str:
        return self.external_id


class EnrollmentStatus(models.TextChoices):
    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    LOCKED = "LOCKED"
    CLOSED = "CLOSED"


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def active(self) -> Self:
        return self.filter(status=EnrollmentStatus.ACTIVE)


class Enrollment(models.Model):
    """That a participant takes part in a program, or did."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="enrollments", db_index=False
    )
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="enrollments", db_index=False
    )
    status = models.CharField(
        max_length=16,
        choices=EnrollmentStatus,
        default=EnrollmentStatus.ACTIVE,
        db_default=EnrollmentStatus.ACTIVE,
        help_text="FROZEN, LOCKED and CLOSED are inactive; the next event or enrolling upsert makes them ACTIVE.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        verbose_name = "enrollment"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "program"], name="enrollment_is_unique_in_program"
            ),
            models.CheckConstraint(
                condition=Q(status__in=EnrollmentStatus.values), name="enrollment_status_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["program", "status"], name="enrollment_by_program"),
        ]

    def __str__(self) -> str:
        return f"{self.participant} in {self.program}"
