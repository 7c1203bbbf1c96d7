"""What every Azure Resource Manager service shares: errors, ids, HTTP, long-running operations."""
