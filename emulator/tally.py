"""A plugin of pytest that counts which answers of each operation a client understood, and prints the counts as a table at the end."""

import collections
import json
import os
import subprocess
import urllib.request

import pytest

OK = "ok"
# Those of the service's model first, in the order of their status; all others (of the front end, or broken answers) are one column.
ERRORS = ["Validation", "ServiceQuotaExceeded", "ResourceNotFound", "Conflict", "Throttling", "InternalServer"]
COLUMNS = {OK: OK, **{f"{name}Exception": name for name in ERRORS}}
OTHER = "other"

_answers = []


def saw(operation, outcome, request_id=None, ordered=False):
    """A client took the answer of an operation for a success (`OK`) or for the error of this code.

    Whether a test had ordered it is known by the request's id, or said by a client that is not told that.
    """
    _answers.append((operation, outcome, request_id, ordered))


def modelled():
    """What each operation may answer, by the emulator's table."""
    table = json.loads(subprocess.check_output([os.environ["EMULATOR_BINARY"], "--print-table"]))["operations"]
    return {
        row["name"]: {OK, *(error["name"] for error in row["errors"])}
        for row in table
        if row["service"] == "codeguru-profiler"
    }


def _faults():
    """The requests that the journal says were answered by a fault which a test had ordered."""
    address = json.loads(os.environ["EMULATOR_ADDRESSES"])["admin"]
    with urllib.request.urlopen(address + "/journal", timeout=60) as answer:
        return {entry["requestId"] for entry in json.load(answer)["entries"] if entry["fault"]}


class Count:
    def __init__(self):
        self.own = self.ordered = 0

    def __str__(self):
        return f"{self.own}+{self.ordered}" if self.ordered else str(self.own)


def _count(rows):
    faults = _faults()
    counts = collections.defaultdict(Count)
    for operation, outcome, request_id, ordered in _answers:
        if operation in rows:
            count = counts[operation, outcome if outcome in rows[operation] else OTHER]
            if ordered or request_id in faults:
                count.ordered += 1
            else:
                count.own += 1
    return counts


def _missing(config):
    """What was to be met, and was not."""
    rows, counts = config.tally
    wanted = set()
    if config.getoption("--tally-operations"):
        wanted = {(name, OK) for name in rows}
    if config.getoption("--tally-all"):
        wanted = {(name, outcome) for name, outcomes in rows.items() for outcome in outcomes}
    return sorted(wanted - counts.keys())


def pytest_addoption(parser):
    parser.addoption("--tally-operations", action="store_true", help="fail when any operation was never done")
    parser.addoption("--tally-all", action="store_true", help="fail when any operation, or modelled error of one, was not met")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    rows = modelled()
    session.config.tally = rows, _count(rows)
    if exitstatus == 0 and _missing(session.config):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    rows, counts = config.tally
    write = terminalreporter.write_line
    headings = [heading.rjust(9) for heading in [*COLUMNS.values(), OTHER]]
    write("")
    write("answers understood, by operation and outcome; n+m: m of them were faults ordered by a test; -: not modelled")
    write("  ".join([f"{'':32}", *headings]))
    for name, outcomes in rows.items():
        cells = [str(counts[name, key]) if (name, key) in counts else "0" if key in outcomes else "-" for key in COLUMNS]
        cells.append(str(counts.get((name, OTHER), 0)))
        write("  ".join([f"{name:32}", *(cell.rjust(len(heading)) for cell, heading in zip(cells, headings))]))
    met = [key for key in counts if key[1] != OTHER]
    errors = [sum(outcome != OK for outcome in outcomes) for outcomes in rows.values()]
    by_itself = [key for key in met if key[1] != OK and counts[key].own]
    write(
        f"{len({name for name, _ in counts})} of {len(rows)} operations, "
        f"{sum(outcome != OK for _, outcome in met)} of {sum(errors)} modelled errors "
        f"({len(by_itself)} by the emulator's own rules), "
        f"{sum(count.own + count.ordered for count in counts.values())} answers"
    )
    for name, outcome in _missing(config):
        write(f"never met: {name} {outcome}")
