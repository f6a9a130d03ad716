"""What was measured of models: the figures of reports, what speaks for a model, two models side by side."""
