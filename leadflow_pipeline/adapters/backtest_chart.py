"""Draws a backtest: the lift of each decile, weights in force beside the others, as a small PNG. With matplotlib."""

import io

from matplotlib.figure import Figure

from leadflow_pipeline.domain.backtests import Backtest

DOTS_PER_INCH = 72
OLD_COLOUR, NEW_COLOUR = "#9aa5b1", "#1f6feb"


def draw_backtest(backtest: Backtest) -> bytes:
    """The chart as PNG, about 10 kB: it has to fit into an asset's metadata."""
    figure = Figure(figsize=(8, 3.2), dpi=DOTS_PER_INCH, layout="constrained")
    lift, changes = figure.subplots(1, 2, width_ratios=(2, 1))
    places = list(backtest.lift.index)
    lift.bar([place - 0.2 for place in places], backtest.lift["old"].fillna(0), 0.4, label="in force", color=OLD_COLOUR)
    lift.bar([place + 0.2 for place in places], backtest.lift["new"].fillna(0), 0.4, label="new", color=NEW_COLOUR)
    lift.axhline(1, color="black", linewidth=0.8)
    lift.set_xticks(places)
    lift.set_xlabel("decile of the score, highest first")
    lift.set_ylabel(f"lift to {backtest.lift_outcome}")
    lift.legend(frameon=False)
    buckets = list(backtest.bucket_changes.index)
    old = [int(backtest.bucket_changes.loc[bucket].sum()) for bucket in buckets]
    new = [int(backtest.bucket_changes[bucket].sum()) for bucket in buckets]
    spots = range(len(buckets))
    changes.bar([spot - 0.2 for spot in spots], old, 0.4, color=OLD_COLOUR)
    changes.bar([spot + 0.2 for spot in spots], new, 0.4, color=NEW_COLOUR)
    changes.set_xticks(list(spots), buckets)
    changes.set_title("leads by bucket", fontsize=10)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
