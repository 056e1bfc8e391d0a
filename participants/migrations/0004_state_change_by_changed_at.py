from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('participants', '0003_events'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='statechange',
            options={'ordering': ['-changed_at', '-id']},
        ),
        migrations.AddIndex(
            model_name='statechange',
            index=models.Index(fields=['participant', 'changed_at', 'id'], name='state_change_by_changed_at'),
        ),
        migrations.RemoveIndex(
            model_name='statechange',
            name='state_change_by_participant',
        ),
    ]
