"""The scenes of the demo, one a file, in their order: founding, training, audits, lies, release."""
