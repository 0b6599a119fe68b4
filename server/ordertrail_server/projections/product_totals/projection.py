"""The projection `product_totals`: how much of each product was ordered, shipped and returned on each day.

docs/projections.md builds it line by line.
"""

from typing import TYPE_CHECKING

from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.product_totals.quantities import (
    NOTHING,
    Quantities,
    add_quantities,
    day_of,
    quantity_changes,
)
from ordertrail_server.projections.projection import Projection

if TYPE_CHECKING:
    from sqlite_utils import Database

ADD = """INSERT INTO product_totals (product_id, day, ordered, shipped, returned) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ordered = ordered + excluded.ordered, shipped = shipped + excluded.shipped,
returned = returned + excluded.returned"""
COLUMNS = {"product_id": str, "day": str, "ordered": int, "shipped": int, "returned": int}


class ProductTotals(Projection):
    """Adds up quantities by product and day."""

    name = "product_totals"
    uses_orders = True

    def create_tables(self, database: "Database") -> None:
        """Create the table."""
        totals = database.table("product_totals")
        totals.create(COLUMNS, pk=("product_id", "day"), not_null=set(COLUMNS), strict=True)
        totals.create_index(["day", "product_id"])

    def apply(self, batch: Batch, database: "Database") -> None:
        """Add what each fact changes to the row of its day."""
        totals: dict[tuple[str, str], Quantities] = {}
        for fact in batch.facts:
            day = day_of(fact.time)
            for product_id, change in quantity_changes(fact):
                totals[product_id, day] = add_quantities(totals.get((product_id, day), NOTHING), change)
        database.conn.executemany(ADD, [(*key, *total) for key, total in sorted(totals.items())])
