from django.db import migrations, models


def index_skus(apps, schema_editor):
    # Models name no parts of a document, and Django can make no index of one.
    schema_editor.connection.database["orders"].create_index([("items.sku", 1), ("created_at", -1), ("_id", -1)], name="of_sku")


def drop_index(apps, schema_editor):
    schema_editor.connection.database["orders"].drop_index("of_sku")


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0003_heartbeats'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('attention__gt', '')), fields=['attention'], name='attention'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('parked__gt', 0)), fields=['parked'], name='held'),
        ),
        migrations.RunPython(index_skus, drop_index),
    ]
