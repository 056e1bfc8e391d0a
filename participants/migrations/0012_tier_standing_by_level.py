import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0011_journal_by_rare_bucket'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='tierstanding',
            index=models.Index(fields=['track', 'level'], name='tier_standing_by_level'),
        ),
        # The index of the track alone, which that one serves too.
        migrations.AlterField(
            model_name='tierstanding',
            name='track',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='standings', to='programs.tiertrack'),
        ),
        ValidateConstraint(
            model_name='tierstanding',
            name='tier_standing_has_a_level',
        ),
    ]
