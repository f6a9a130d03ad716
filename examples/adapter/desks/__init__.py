"""Four desks that sort messages, and one question: is a transformer's adapter worth training together?"""
