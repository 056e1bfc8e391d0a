"""Earned levels, and overrides of them, beside each other.

Rows as they are keep their meaning without being rewritten: one without `expires_at` is an earned level, whatever
`earned_level` says (empty, until its next change); one with `expires_at` is a loan, with nothing earned beneath it.
The version before goes on writing such rows meanwhile, since both columns have defaults in the database. It knows
nothing of what is earned beneath a loan: a worker of it that ends one still puts the participant back to the base.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('participants', '0009_event_rule_error_index'),
        ('programs', '0004_taken_symbol_is_named'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='tierstanding',
            name='tier_standing_has_a_level',
        ),
        migrations.AddField(
            model_name='tierstanding',
            name='earned_level',
            field=models.CharField(blank=True, db_collation='C', db_default='', default='', help_text='The key of the level that they have earned; empty for none.', max_length=64),
        ),
        migrations.AddField(
            model_name='tierstanding',
            name='pinned',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether events leave them on this level.'),
        ),
        migrations.AlterField(
            model_name='tierstanding',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='When the loan or the pin ends.', null=True),
        ),
        migrations.AlterField(
            model_name='tierstanding',
            name='level',
            field=models.CharField(blank=True, db_collation='C', help_text='The key of the level that is lent or pinned, empty for the base; without an override, of the earned one.', max_length=64),
        ),
        AddConstraintNotValid(
            model_name='tierstanding',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('level', ''), _negated=True), ('pinned', True), ('expires_at__isnull', False), _connector='OR'), name='tier_standing_has_a_level'),
        ),
    ]
