"""What survives a run: watermarks, intents, rejects, runs and leases."""
