"""Linear models of scikit-learn as a task."""
