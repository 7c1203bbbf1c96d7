"""Whatever is sent to whichever route, the answer is one that a client can do something with."""

from __future__ import annotations

from pathlib import Path

from tests.azure import azure_in
from tests.fuzz.campaign import SETTINGS, Campaign

ROOT = Path(__file__).parents[2]


def test_two_thousand_changed_requests(tmp_path: Path) -> None:
    """Each finding names the seed and the case; `python -m tests.fuzz --first` repeats it."""
    with azure_in(tmp_path / "home", SETTINGS) as azure:
        campaign = Campaign(azure, tmp_path, ROOT / "build" / "fuzz" / "short.json")
        # Most of the routes are ones that the SDKs have used.
        assert sum(target.recorded for target in campaign.targets) > 130
        campaign.run(seed=1, requests=2_000)
        assert sum(campaign.statuses.values()) == 2_000
        assert campaign.findings.report() == ""
