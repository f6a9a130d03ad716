"""Four hospitals and one question: what does each get out of joining?"""
