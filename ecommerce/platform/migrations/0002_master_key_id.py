from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('platform', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='datakey',
            name='master',
            field=models.CharField(default='', help_text='the id of the master key; none in the first ones', max_length=16),
        ),
    ]
