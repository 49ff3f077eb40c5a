"""The `ENGINE` of the settings."""

from contextlib import suppress
from typing import Any

from django_mongodb_backend import base, operations, schema
from pymongo.errors import CollectionInvalid

from ecommerce.mongodb.pool import Pool


class DatabaseOperations(operations.DatabaseOperations):  # type: ignore[misc]
    compiler_module = "ecommerce.mongodb.compiler"


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):  # type: ignore[misc]
    """A collection may be there before its migration: MongoDB makes one for whoever writes first, as heartbeats do."""

    def create_model(self, model: Any) -> None:
        with suppress(CollectionInvalid):
            self.get_database().create_collection(model._meta.db_table)
        self._create_model_indexes(model)
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.create_model(field.remote_field.through)


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "_pool_class": Pool}
