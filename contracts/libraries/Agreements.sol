// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMaskBoard} from "../interfaces/IMaskBoard.sol";
import {Bits, MARK} from "./Bits.sol";

/// @dev What members agree on, casts and sets alike, in words that the next one uses again. `proposed`, `agreed` and
/// `lapsed` are bitmaps by member index, the latter two with `MARK`. `agreed` is `MARK` alone once the members are
/// fixed, so that the next proposal pays for no word; `lapsed` has the proposers before this one, from the second on.
struct Matter {
    IMaskBoard.Agreement agreement;
    uint256 proposed;
    uint256 agreed;
    uint256 lapsed;
}

using Agreements for Matter global;

/// @title Agreements
/// @notice How members come to one bitmap of members for each number, ever: proposed -> fixed
///                                                                           ^ lapsed | by another aggregator
///                                                                           +--------+
library Agreements {
    /// @notice A number of which nothing is proposed yet, in `electorate` members that there were in `epoch`.
    /// @param deadline last second to prepare what is proposed: a first proposal lives until then at least
    function begin(Matter storage self, bool wasFixed, uint32 number, uint32 epoch, uint8 electorate, uint40 deadline)
        internal
        returns (IMaskBoard.Agreement memory agreement)
    {
        if (!wasFixed) self.agreed = MARK;
        agreement.number = number;
        agreement.epoch = epoch;
        agreement.majority = electorate / 2 + 1;
        agreement.deadline = deadline;
    }

    /// @notice Member `index` proposes these members: they can be agreed with until `deadline`, and nothing else can.
    function propose(
        Matter storage self,
        IMaskBoard.Agreement memory agreement,
        uint8 index,
        uint256 proposed,
        uint40 deadline
    ) internal {
        if (agreement.isFixed) revert IMaskBoard.MaskBoard_AlreadyFixed(agreement.number);
        if (agreement.proposals != 0) {
            if (block.timestamp <= agreement.deadline) {
                revert IMaskBoard.MaskBoard_DeadlineNotPassed(agreement.deadline, block.timestamp);
            }
            uint256 lapsed = (agreement.proposals == 1 ? MARK : self.lapsed) | 1 << agreement.proposer;
            if (lapsed >> index & 1 != 0) revert IMaskBoard.MaskBoard_ProposalLapsed(agreement.number, msg.sender);
            self.lapsed = lapsed;
            self.agreed = MARK;
        }
        agreement.deadline = deadline;
        agreement.proposer = index;
        ++agreement.proposals;
        self.agreement = agreement;
        self.proposed = proposed;
    }

    /// @notice What is proposed can be agreed with.
    function requireOpen(IMaskBoard.Agreement memory agreement) internal view {
        if (agreement.isFixed) revert IMaskBoard.MaskBoard_AlreadyFixed(agreement.number);
        if (agreement.proposals == 0) revert IMaskBoard.MaskBoard_NothingProposed(agreement.number);
        if (block.timestamp > agreement.deadline) {
            revert IMaskBoard.MaskBoard_DeadlinePassed(agreement.deadline, block.timestamp);
        }
    }

    /// @notice Member `index` agrees with what is proposed, `members`: whether that fixes it, which the caller stores.
    function agree(Matter storage self, IMaskBoard.Agreement memory agreement, uint8 index, uint256 members)
        internal
        returns (bool isFixed)
    {
        uint256 proposed = self.proposed;
        if (members != proposed) revert IMaskBoard.MaskBoard_WrongMembers(members, proposed);
        uint256 agreed = self.agreed | 1 << agreement.proposer;
        if (agreed >> index & 1 != 0) revert IMaskBoard.MaskBoard_AlreadyAgreed(agreement.number, msg.sender);
        agreed |= 1 << index;
        isFixed = Bits.ones(agreed & ~MARK) >= agreement.majority;
        agreement.isFixed = isFixed;
        self.agreed = isFixed ? MARK : agreed;
    }

    /// @notice Who agreed with what is proposed, its proposer among them; nobody once it is fixed.
    function agreeing(Matter storage self, IMaskBoard.Agreement memory agreement) internal view returns (uint256) {
        if (agreement.proposals == 0 || agreement.isFixed) return 0;
        return self.agreed & ~MARK | 1 << agreement.proposer;
    }
}
