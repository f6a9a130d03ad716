// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bits} from "./Bits.sol";

/// @dev What 64 members said on one proposal, and all that their votes need to know of it, in one word. From the lowest
/// bit: two bits for the choice of each (0 none), deadline (40), epoch (32), members (8), how many must be For (8), and
/// the state that ended the proposal, if one did (8). Never zero once opened.
type Poll is uint256;

/// @dev Choices.
uint8 constant FOR = 1;
uint8 constant AGAINST = 2;
uint8 constant ABSTAIN = 3;

/// @dev Members in a word, and words of a proposal in the largest consortium.
uint256 constant SEATS = 64;
uint256 constant WORDS = 4;

using Polls for Poll global;

/// @title Polls
/// @notice Arithmetic on the words of a proposal. Word i has the choices of members 64 i to 64 i + 63; the rest is the
/// same in every word, so that a vote reads and writes one.
library Polls {
    uint256 private constant DEADLINE = 128;
    uint256 private constant EPOCH = 168;
    uint256 private constant MEMBERS = 200;
    uint256 private constant NEEDED = 208;
    uint256 private constant ENDED = 216;
    uint256 private constant LOWER_BITS = type(uint128).max / 3;

    /// @notice A word in which nobody has voted.
    function open(uint40 deadline_, uint32 epoch_, uint8 members_, uint8 needed_) internal pure returns (Poll) {
        return Poll.wrap(
            uint256(deadline_) << DEADLINE | uint256(epoch_) << EPOCH | uint256(members_) << MEMBERS
                | uint256(needed_) << NEEDED
        );
    }

    /// @notice Last second to vote.
    function deadline(Poll self) internal pure returns (uint40) {
        return uint40(Poll.unwrap(self) >> DEADLINE);
    }

    /// @notice The consortium's epoch when the proposal was made.
    function epoch(Poll self) internal pure returns (uint32) {
        return uint32(Poll.unwrap(self) >> EPOCH);
    }

    /// @notice How many members could vote when the proposal was made.
    function members(Poll self) internal pure returns (uint8) {
        return uint8(Poll.unwrap(self) >> MEMBERS);
    }

    /// @notice How many of them must be For.
    function needed(Poll self) internal pure returns (uint8) {
        return uint8(Poll.unwrap(self) >> NEEDED);
    }

    /// @notice The state that a transaction ended the proposal in, or 0.
    function ended(Poll self) internal pure returns (uint8) {
        return uint8(Poll.unwrap(self) >> ENDED);
    }

    /// @notice Whether no such word was opened.
    function isNone(Poll self) internal pure returns (bool) {
        return Poll.unwrap(self) == 0;
    }

    /// @notice Whether a vote is in time.
    function isVoting(Poll self) internal view returns (bool) {
        return block.timestamp <= self.deadline() && self.ended() == 0;
    }

    /// @notice What member `index`, one of this word's, said; 0 for nothing.
    function choiceOf(Poll self, uint256 index) internal pure returns (uint256) {
        return Poll.unwrap(self) >> (index % SEATS << 1) & ABSTAIN;
    }

    /// @notice The word after member `index`, who had said nothing, said that.
    function withChoice(Poll self, uint256 index, uint256 choice) internal pure returns (Poll) {
        return Poll.wrap(Poll.unwrap(self) | choice << (index % SEATS << 1));
    }

    /// @notice The word with another deadline.
    function withDeadline(Poll self, uint40 deadline_) internal pure returns (Poll) {
        return Poll.wrap(Poll.unwrap(self) ^ uint256(self.deadline() ^ deadline_) << DEADLINE);
    }

    /// @notice The word of a proposal that ends in this state.
    function withEnd(Poll self, uint8 state) internal pure returns (Poll) {
        return Poll.wrap(Poll.unwrap(self) | uint256(state) << ENDED);
    }

    /// @notice How many of the word's members said each thing.
    function tally(Poll self) internal pure returns (uint256 inFavour, uint256 against, uint256 abstaining) {
        uint256 lower = Poll.unwrap(self) & LOWER_BITS;
        uint256 upper = Poll.unwrap(self) >> 1 & LOWER_BITS;
        return (Bits.ones(lower & ~upper), Bits.ones(upper & ~lower), Bits.ones(lower & upper));
    }
}
