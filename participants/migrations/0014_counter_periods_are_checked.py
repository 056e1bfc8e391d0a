from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('participants', '0013_counter_counts_in_a_period'),
    ]

    operations = [
        ValidateConstraint(model_name='counter', name='counter_reset_is_one_period'),
        ValidateConstraint(model_name='counter', name='counter_period_has_an_end'),
    ]
