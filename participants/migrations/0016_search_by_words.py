import django.contrib.postgres.indexes
import participants.models.participants
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # An index that is built concurrently keeps nobody from writing, and cannot be built in a transaction.
    atomic = False

    dependencies = [
        ('participants', '0015_counter_by_key'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='participant',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(participants.models.participants.SearchText(models.Value('', output_field=models.TextField()), models.F('external_id'), models.F('email'), models.F('phone'), models.F('first_name'), models.F('last_name'), models.F('display_name'), participants.models.participants.Digits('phone'), models.Value('', output_field=models.TextField())), name='gin_trgm_ops'), name='participant_by_words'),
        ),
        # After the new one, so that searches have an index all the while.
        RemoveIndexConcurrently(
            model_name='participant',
            name='participant_by_search_text',
        ),
    ]
