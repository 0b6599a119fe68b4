"""Makes every mistake, and prints which guard reports it with which text.

python -m tests.evolving.mistakes
"""

import sys

from rich.console import Console
from rich.table import Table
from tests.evolving.mistakes.table import MISTAKES, run_mistakes


def main() -> int:
    """Print the table. Returns 1 if a mistake was not reported."""
    table = Table("Mistake", "Guard", "Reported", "Report", title=f"{len(MISTAKES)} mistakes", show_lines=True)
    missed = 0
    with run_mistakes(MISTAKES) as reports:
        for mistake in MISTAKES:
            lines = reports[mistake.title].result()
            matching_lines = [line for line in lines if mistake.says in line]
            missed += not matching_lines
            table.add_row(
                mistake.title,
                mistake.guard.value,
                "yes" if matching_lines else "NO",
                "\n".join(matching_lines[:1] or lines),
            )
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
