"""Twenty unlike parties and one question: what helps where FedAvg is slow?"""
