from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0016_search_by_words'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(condition=models.Q(('status', 'PENDING')), fields=['program', 'participant', 'sequence'], name='event_pending_by_program'),
        ),
    ]
