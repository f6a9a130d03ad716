"""Released models in other tools' forms, each with root, job and card inside."""
