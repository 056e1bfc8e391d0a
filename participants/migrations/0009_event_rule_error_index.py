from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0008_event_rule_errors'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(condition=models.Q(('failed_rule_ids__isnull', False)), fields=['created_at', 'id'], name='event_with_rule_errors'),
        ),
        ValidateConstraint(
            model_name='event',
            name='event_keeps_failed_rules_if_others_took_effect',
        ),
    ]
