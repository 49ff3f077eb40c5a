from django.db import migrations

COLLECTION, FIELD = 'django_session', 'expire_date'


def expire(apps, schema_editor):
    """Sessions that have expired are deleted by MongoDB itself: Django's own index becomes one that does so."""
    index = {'keyPattern': {FIELD: 1}, 'expireAfterSeconds': 0}
    schema_editor.get_database().command('collMod', COLLECTION, index=index)


def keep(apps, schema_editor):
    collection = schema_editor.get_database()[COLLECTION]
    for name, index in collection.index_information().items():
        if index['key'] == [(FIELD, 1)]:
            collection.drop_index(name)
            collection.create_index(FIELD, name=name)


class Migration(migrations.Migration):

    dependencies = [
        ('platform', '0004_sign_in_failures_and_expiry'),
        ('sessions', '0001_initial'),
    ]

    operations = [migrations.RunPython(expire, keep)]
