"""Five banks and one question: does a federated model find more card fraud than any bank's own?"""
