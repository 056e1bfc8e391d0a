from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0019_event_retry'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='statechange',
            index=models.Index(condition=models.Q(('event_id__isnull', True)), fields=['participant', 'changed_at', 'id'], name='state_change_of_no_event'),
        ),
        AddIndexConcurrently(
            model_name='journalentry',
            index=models.Index(condition=models.Q(('event_id__isnull', True)), fields=['participant', 'sequence'], name='journal_entry_of_no_event'),
        ),
    ]
