from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="payment", name="payments_pending"),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(condition=models.Q(("pending__gt", "")), fields=["pending", "updated_at"], name="payments_asked"),
        ),
    ]
