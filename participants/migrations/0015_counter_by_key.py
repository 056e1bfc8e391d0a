from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0014_counter_periods_are_checked'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='counter',
            index=models.Index(fields=['key'], name='counter_by_key'),
        ),
    ]
