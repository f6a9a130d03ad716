"""A Flower app: logistic regression by scikit-learn, by a NumPyClient."""
