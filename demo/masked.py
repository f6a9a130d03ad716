"""The demo of a masked job, scene by scene."""

from demo.folder import MASKED
from demo.play import Demo
from demo.result import Result
from demo.scenes.audits import audit
from demo.scenes.masks import convict_a_liar, lose_a_hospital, make_open_twin
from demo.scenes.training import train

FURTHER = 3
"""Rounds after those of training: one that loses a hospital, one that a liar spoils, and the one after it."""


class MaskedDemo(Demo):
    """Four hospitals train under masks; if `lies`, one is killed in the middle of a round, and one masks garbage."""

    def run(self) -> Result:
        """See `Demo.run`."""
        with self.result.timed("whole demo"):
            job, observer = self._begin(further=FURTHER - 1 if self.lies else 0, draft=MASKED)
            train(observer, self.rounds, self.result)
            with self.result.timed("the open round beside it"):
                make_open_twin(observer, job, self.result)
            if self.lies:
                with self.result.timed("a hospital is lost"):
                    lose_a_hospital(observer, self.rounds + 1, self.result)
                with self.result.timed("a liar is convicted"):
                    convict_a_liar(observer, self.rounds + 2, self.result)
            audit(self.parties, self.result, "all rounds", "all", "--all")
        return self.result
