from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0022_figures'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='journalentry',
            index=models.Index(condition=models.Q(('rule_id__isnull', False)), fields=['rule_id', 'created_at', 'id'], name='journal_entry_by_rule'),
        ),
        AddIndexConcurrently(
            model_name='journalentry',
            index=models.Index(condition=models.Q(('rule_id__isnull', True)), fields=['created_by', 'created_at', 'id'], name='journal_entry_by_author'),
        ),
    ]
