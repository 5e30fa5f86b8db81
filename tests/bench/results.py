"""Results like measured ones."""

from onecopy.bench.figures import Figures, Metric, Result, Round, round_of

LOOKUP = Metric("lookup-hit", "lookup of one, known", "digests")
BATCH = Metric("batch-1000", "batch of 1,000, half known", "digests")
INGEST = Metric("ingest", "ingest", "copies")


def rounds(fastest: int, calls: int) -> Figures:
    """Return three rounds whose calls take from `fastest` nanoseconds to 100 times as long."""
    steps = [round(fastest * 100 ** (call / calls)) for call in range(calls)]
    return Figures(
        tuple(
            round_of([step * (9 + turn) // 10 for step in steps], 1e9 / fastest * turn)
            for turn in (1, 2, 3)
        )
    )


def results(*indexes: str) -> list[Result]:
    """Return three results for each index; later indexes are slower."""
    slower = {index: 10**place for place, index in enumerate(indexes)}
    return [
        Result(index, 1000, metric, figures[index])
        for metric, figures in (
            (INGEST, {index: Figures((Round(1, 1e6 / by),)) for index, by in slower.items()}),
            (LOOKUP, {index: rounds(5_000 * by, 1000) for index, by in slower.items()}),
            (BATCH, {index: rounds(1_000_000 * by, 20) for index, by in slower.items()}),
        )
        for index in indexes
    ]
