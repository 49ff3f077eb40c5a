from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inventory', '0003_heartbeats'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='stock',
            index=models.Index(condition=models.Q(('available__lt', 10)), fields=['available'], name='low'),
        ),
    ]
