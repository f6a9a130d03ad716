"""Who may be proposed to leave: what the contract refuses after the vote is refused before it."""

import pytest
from support.worlds.world import World

from ledger.errors import UsageError
from ledger.history.members import require_removable


def test_three_members_remain() -> None:
    members = World().history.members
    assert len(members) == 4
    require_removable(3, members)
    members[3].key = ""
    with pytest.raises(UsageError, match="3 members remain, always") as refused:
        require_removable(2, members)
    assert (refused.value.facts["members"], "admit another first" in refused.value.advice) == (3, True)


@pytest.mark.parametrize("index", [3, 9])
def test_who_left_or_never_was_a_member_cannot_leave(index: int) -> None:
    members = World().history.members
    members[3].key = ""
    with pytest.raises(UsageError, match=f"there is no member {index}"):
        require_removable(index, members)
