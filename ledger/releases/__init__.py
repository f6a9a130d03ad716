"""Released models: their reports, files and cards."""
