"""ISO 8601 durations, as Azure Machine Learning writes them."""

from __future__ import annotations


def iso_of(seconds: float) -> str:
    """90.5 is "PT1M30.5S", 0 is "PT0S". Takes what is not negative; hours are not made days."""
    minutes, rest = divmod(round(seconds, 6), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = "PT"
    if hours:
        text += f"{hours}H"
    if minutes:
        text += f"{minutes}M"
    if rest or text == "PT":
        text += f"{rest:.6f}".rstrip("0").rstrip(".") + "S"
    return text
