"""Runs the measurements and prints the table."""

from collections.abc import Iterator

import click

from benchmarks.load_generator import has_h2load
from benchmarks.measurements import H2LOAD_USERS, MANY, PARTS, Measure, describe, list_measures
from benchmarks.table import Failure, Row, describe_error, print_table

H2LOAD_MISSING = "Left out, because h2load is missing (Debian: nghttp2-client, elsewhere nghttp2): {} measurements."


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--events", default=MANY, show_default=True, help="The number of events of a large log.")
@click.option("--only", default="", metavar="TEXT", help="Run only the measurements that have TEXT in their name.")
def main(parts: tuple[str, ...], events: int, only: str) -> None:
    """Run the measurements of the PARTS (default: all) one after another, and print the table.

    A measurement that fails leaves a line below the table. Exit codes: 0 all succeeded, 1 one failed.
    """
    measures = _leave_out_unable(
        [measure for measure in list_measures(parts or PARTS, events) if only in describe(measure)]
    )
    outcomes = list(_run(measures))
    print_table(outcomes)
    raise SystemExit(any(isinstance(outcome, Failure) for outcome in outcomes))


def _leave_out_unable(measures: list[Measure]) -> list[Measure]:
    able = measures if has_h2load() else [measure for measure in measures if measure.func not in H2LOAD_USERS]
    if len(able) < len(measures):
        click.echo(H2LOAD_MISSING.format(len(measures) - len(able)))
    return able


def _run(measures: list[Measure]) -> Iterator[Row | Failure]:
    for number, measure in enumerate(measures, 1):
        click.echo(f"{number} of {len(measures)}: {describe(measure)} …")
        try:
            yield measure()
        except Exception as error:  # the other measurements still run
            yield Failure(describe(measure), describe_error(error))


if __name__ == "__main__":
    main()
