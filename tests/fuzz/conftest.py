"""Not collected unless asked for (FUZZ=short), as long as services fail them."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("FUZZ") else ["test_fuzz.py", "test_mistakes.py"]
