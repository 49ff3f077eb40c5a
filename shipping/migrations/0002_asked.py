from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shipping", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="shipment", name="shipping_pending"),
        migrations.AddIndex(
            model_name="shipment",
            index=models.Index(condition=models.Q(("pending__gt", "")), fields=["pending", "updated_at"], name="shipping_asked"),
        ),
    ]
