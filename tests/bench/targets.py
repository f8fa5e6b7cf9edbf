"""What a benchmark is to reach, and whether it did."""

import sys


class Targets:
    """Collects what was measured and what is wanted; `report` prints a line each and ends with 1 if one was missed."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float, str, float]] = []

    def at_least(self, what: str, measured: float, wanted: float) -> None:
        """``measured`` is to be ``wanted`` or more."""
        self._rows.append((what, measured, "at least", wanted))

    def at_most(self, what: str, measured: float, wanted: float) -> None:
        """``measured`` is to be ``wanted`` or less."""
        self._rows.append((what, measured, "at most", wanted))

    def report(self) -> None:
        """Print the verdicts."""
        missed = 0
        print()
        for what, measured, how, wanted in self._rows:
            met = measured >= wanted if how == "at least" else measured <= wanted
            missed += not met
            print(f"{'met' if met else 'MISSED'}: {what} is {measured:.2f}, wanted {how} {wanted:g}")
        print(f"{len(self._rows) - missed} of {len(self._rows)} targets met")
        sys.exit(1 if missed else 0)
