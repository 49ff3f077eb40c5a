from django.db import migrations, models

EXPIRY = [('spent_tokens', 'expires_at', 'expiry'), ('sign_in_failures', 'until', 'forgotten')]


def expire(apps, schema_editor):
    """What has expired is deleted by MongoDB itself: Django knows no such index."""
    for collection, field, name in EXPIRY:
        schema_editor.get_database()[collection].create_index(field, name=name, expireAfterSeconds=0)


def keep(apps, schema_editor):
    for collection, _, name in EXPIRY:
        schema_editor.get_database()[collection].drop_index(name)


class Migration(migrations.Migration):

    dependencies = [
        ('platform', '0003_erasures_and_reveals'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignInFailure',
            fields=[
                ('id', models.CharField(db_column='_id', max_length=64, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='the name of the last one', max_length=64)),
                ('count', models.IntegerField()),
                ('until', models.DateTimeField(help_text='when it is forgotten, or the lock ends')),
            ],
            options={
                'db_table': 'sign_in_failures',
                'indexes': [models.Index(fields=['name'], name='failures_of')],
            },
        ),
        migrations.RemoveIndex(
            model_name='spenttoken',
            name='expiry',
        ),
        migrations.AddIndex(
            model_name='spenttoken',
            index=models.Index(fields=['user_id'], name='spent_by'),
        ),
        migrations.RunPython(expire, keep),
    ]
