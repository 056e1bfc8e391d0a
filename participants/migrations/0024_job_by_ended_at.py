from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0023_journal_by_rule_and_author'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='job',
            index=models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at', 'id'], name='job_by_ended_at'),
        ),
    ]
