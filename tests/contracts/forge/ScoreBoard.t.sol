// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {ScoreBoard} from "../../../contracts/ScoreBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {IScoreBoard} from "../../../contracts/interfaces/IScoreBoard.sol";
import {Base} from "./Base.sol";

/// @dev Rounds that are ready to be scored, and what is said of scores without the contract's own arithmetic.
abstract contract Scored is Base {
    int32 internal constant LARGEST = 1_000_000_000;

    Consortium public consortium;
    RoundLedger public ledger;
    ScoreBoard public board;

    function foundScored(uint256 members) internal {
        (consortium, ledger) = found(members);
        board = ScoreBoard(create("ScoreBoard", abi.encode(ledger)));
    }

    /// @dev The next round of job 1, finalised; its claim counts as that of any verdicts.
    function finalise() internal returns (uint32 round) {
        uint24 before = ledger.courseOf(1).latest;
        (round,) = play(consortium, ledger, 1, "root", hex"00");
        bytes memory call = abi.encodePacked(ledger.claimOf.selector, abi.encode(uint32(1), round));
        vm.mockCall(address(ledger), call, abi.encode(ledger.claimAfter(1, before)));
    }

    /// @dev Its verdicts admit so many updates, and refuse one more.
    function open(uint32 round, uint256 updates) internal {
        prank(consortium.keyOf(0));
        board.openScoring(1, round, 0, scored(updates));
    }

    function scored(uint256 updates) internal pure returns (IRoundLedger.Aggregate memory aggregate) {
        aggregate.verdicts = verdictsOf(updates);
    }

    function commitmentOf(uint32 round, address scorer, bytes32 salt, bytes memory scores) internal view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, address(board), uint32(1), round, scorer, salt, hashOf(scorer, scores, 0))
        );
    }

    function verdictsOf(uint256 updates) internal pure returns (bytes memory) {
        return bytes.concat(new bytes(updates), hex"09");
    }

    function pack(int32[] memory scores) internal pure returns (bytes memory packed) {
        for (uint256 i = 0; i < scores.length; ++i) {
            packed = bytes.concat(packed, bytes4(uint32(scores[i])));
        }
    }

    function concat(bytes[] memory parts) internal pure returns (bytes memory whole) {
        for (uint256 i = 0; i < parts.length; ++i) {
            whole = bytes.concat(whole, parts[i]);
        }
    }

    /// @dev The root of a scoring in which these scorers revealed these scores, in this order.
    function rootOf(
        uint32 round,
        bytes32 seed,
        bytes32 withheld,
        bytes32 revealed,
        address[] memory scorers,
        bytes[] memory packed,
        bytes memory medians
    ) internal pure returns (bytes32 root) {
        bytes32 shown = seed;
        for (uint256 i = 0; i < scorers.length; ++i) {
            shown = keccak256(bytes.concat(shown, hashOf(scorers[i], packed[i], 0)));
        }
        root = keccak256(abi.encode(uint32(1), round, seed, withheld, revealed, shown));
        for (uint256 start = 0; start < medians.length; start += 128) {
            uint256 end = start + 128 < medians.length ? start + 128 : medians.length;
            root = keccak256(bytes.concat(root, slice(medians, start, end)));
        }
    }

    /// @dev Of the scores of each update the lower median, found by sorting.
    function mediansOf(int32[][] memory vectors) internal pure returns (int32[] memory medians) {
        medians = new int32[](vectors[0].length);
        for (uint256 j = 0; j < medians.length; ++j) {
            int32[] memory column = new int32[](vectors.length);
            for (uint256 i = 0; i < vectors.length; ++i) {
                uint256 place = i;
                for (; place > 0 && column[place - 1] > vectors[i][j]; --place) {
                    column[place] = column[place - 1];
                }
                column[place] = vectors[i][j];
            }
            medians[j] = column[(vectors.length - 1) / 2];
        }
    }

    function inRange(int32 score) internal pure returns (int32) {
        return int32(int256(score) % (int256(LARGEST) + 1));
    }

    function random(bytes memory seed) internal pure returns (int32) {
        return inRange(int32(uint32(uint256(keccak256(seed)))));
    }
}

/// @dev Properties of single scorings, for any scores.
contract ScoreBoardTest is Scored {
    /// @dev Anything that just under half of the revealers agree on: the honest scores bound every median.
    function testFuzz_AColludingMinorityMovesNoMedianPastTheHonestScores(
        uint8 size,
        uint8 updates,
        uint8 withheld,
        int32 lie,
        uint256 seed
    ) public {
        size = uint8(3 + uint256(size) % 9);
        updates = uint8(1 + uint256(updates) % 20);
        int32[][] memory vectors = new int32[][](size);
        uint256 liars = (size - 1) / 2;
        int32[] memory least = new int32[](updates);
        int32[] memory most = new int32[](updates);
        for (uint256 i = 0; i < size; ++i) {
            vectors[i] = new int32[](updates);
            for (uint256 j = 0; j < updates; ++j) {
                int32 score = random(abi.encode(seed, i, j)) / (1 + int32(uint32(seed % 1000)));
                if (i < liars) {
                    vectors[i][j] = _lie(lie, seed >> 8, i, j);
                    continue;
                }
                vectors[i][j] = score;
                if (i == liars || score < least[j]) least[j] = score;
                if (i == liars || score > most[j]) most[j] = score;
            }
        }
        // Liars may also keep silent: they are then fewer among the revealers.
        int32[] memory medians = _settle(vectors, uint256(withheld) % (liars + 1));
        for (uint256 j = 0; j < updates; ++j) {
            check(medians[j] >= least[j] && medians[j] <= most[j], "a minority moved a median");
        }
    }

    /// @dev One, other than the lower median by the textbook, is never taken; that one always is.
    function testFuzz_OnlyTheLowerMedianSettles(uint8 size, uint8 updates, int32 claimed, uint256 seed) public {
        size = uint8(2 + uint256(size) % 8);
        updates = uint8(1 + uint256(updates) % 20);
        int32[][] memory vectors = new int32[][](size);
        for (uint256 i = 0; i < size; ++i) {
            vectors[i] = new int32[](updates);
            for (uint256 j = 0; j < updates; ++j) {
                // Ties are frequent, and ends of the range.
                int32 score = random(abi.encode(seed, i, j));
                vectors[i][j] = seed % 3 == 0 ? score : seed % 3 == 1 ? score % 3 : score > 0 ? LARGEST : -LARGEST;
            }
        }
        (uint32 round, bytes memory scores) = _reveal(vectors, 0);
        int32[] memory medians = mediansOf(vectors);
        uint256 place = uint256(keccak256(abi.encode(seed))) % updates;
        claimed = seed % 2 == 0 ? vectors[seed % size][place] : inRange(claimed);
        int32 median = medians[place];
        if (claimed != median) {
            medians[place] = claimed;
            vm.expectRevert(abi.encodeWithSelector(IScoreBoard.ScoreBoard_WrongMedian.selector, place, claimed));
            prank(STRANGER);
            board.settleScores(1, round, 0, scores, pack(medians));
            medians[place] = median;
        }
        prank(STRANGER);
        board.settleScores(1, round, 0, scores, pack(medians));
        check(board.rootOf(1, round) != 0, "not settled");
    }

    function test_TheLargestPanelHasItsMedian() public {
        int32[][] memory vectors = new int32[][](64);
        for (uint256 i = 0; i < 64; ++i) {
            vectors[i] = new int32[](2);
            vectors[i][0] = int32(int256(i * 7919 % 64)) - 31;
            vectors[i][1] = random(abi.encode(i));
        }
        check(_settle(vectors, 0)[0] == 0, "of 64");
        _settle(vectors, 27);
    }

    /// @dev However the updates are cut into ranges, the root is the same; and no range is taken twice, or out of turn.
    function testFuzz_RangesSettleAlike(uint8 size, uint8 updates, uint256 cuts) public {
        size = uint8(2 + uint256(size) % 5);
        updates = uint8(1 + uint256(updates) % 200);
        int32[][] memory vectors = new int32[][](size);
        for (uint256 i = 0; i < size; ++i) {
            vectors[i] = new int32[](updates);
            for (uint256 j = 0; j < updates; ++j) {
                vectors[i][j] = random(abi.encode(cuts, i, j));
            }
        }
        (uint32 round, bytes memory scores) = _reveal(vectors, 0);
        bytes memory medians = pack(mediansOf(vectors));
        bytes32 root = _rootOf(round, vectors, medians);
        if (cuts % 4 == 0) {
            prank(STRANGER);
            board.settleScores(1, round, 0, scores, medians);
        } else {
            for (uint256 start = 0; start < medians.length;) {
                uint256 end = start + 128 * (1 + cuts % 3);
                cuts /= 3;
                if (end > medians.length) end = medians.length;
                bytes memory part = _range(vectors, start, end);
                _requireRefused(round, start / 4 + 32, part, slice(medians, start, end));
                prank(STRANGER);
                board.settleScores(1, round, uint8(start / 4), part, slice(medians, start, end));
                _requireRefused(round, start / 4, part, slice(medians, start, end));
                start = end;
            }
        }
        check(board.rootOf(1, round) == root, "root");
    }

    /// @dev What was revealed is settled, in its place: any other bit, in any range, is refused.
    function testFuzz_OnlyWhatWasRevealedSettles(uint256 where, bool second) public {
        int32[][] memory vectors = new int32[][](3);
        for (uint256 i = 0; i < 3; ++i) {
            vectors[i] = new int32[](70);
            for (uint256 j = 0; j < 70; ++j) {
                vectors[i][j] = random(abi.encode(i, j));
            }
        }
        (uint32 round,) = _reveal(vectors, 0);
        bytes memory medians = pack(mediansOf(vectors));
        if (second) {
            prank(STRANGER);
            board.settleScores(1, round, 0, _range(vectors, 0, 128), slice(medians, 0, 128));
        }
        (uint256 start, uint256 end) = second ? (uint256(128), uint256(280)) : (uint256(0), uint256(256));
        bytes memory scores = _range(vectors, start, end);
        scores[where % scores.length] ^= bytes1(uint8(1 << where / scores.length % 8));
        vm.expectRevert(abi.encodeWithSelector(IScoreBoard.ScoreBoard_NotWhatWasRevealed.selector, start / 4));
        prank(STRANGER);
        board.settleScores(1, round, uint8(start / 4), scores, slice(medians, start, end));
    }

    function test_AnybodysCallIsAPlainAccounts() public {
        foundScored(3);
        bytes4 reason = IScoreBoard.ScoreBoard_NotOrigin.selector;
        requirePlain(address(board), abi.encodeCall(board.openScoring, (1, 1, 0, scored(1))), reason);
        requirePlain(address(board), abi.encodeCall(board.settleScores, (1, 1, 0, "", "")), reason);
        requirePlain(address(board), abi.encodeCall(board.voidScoring, (1, 1)), reason);
        requirePlain(address(board), abi.encodeCall(board.commitScores, (1, 1, 0)), reason);
    }

    function test_AContractSaysNothing() public {
        foundScored(3);
        uint32 round = finalise();
        open(round, 1);
        bytes memory expected =
            abi.encodeWithSelector(IScoreBoard.ScoreBoard_NotOrigin.selector, keyOf(1), address(0xbad));
        vm.prank(keyOf(1), address(0xbad));
        vm.expectRevert(expected);
        board.commitScores(1, round, "commitment");
        vm.prank(keyOf(1), address(0xbad));
        vm.expectRevert(expected);
        board.revealScores(1, round, "salt", "1234");
    }

    function testFuzz_AScoreIsInRangeOrNamed(uint8 place, int32 score, uint256 seed) public {
        place %= 20;
        foundScored(3);
        uint32 round = finalise();
        open(round, 20);
        int32[] memory scores = new int32[](20);
        for (uint256 j = 0; j < 20; ++j) {
            scores[j] = random(abi.encode(seed, j));
        }
        scores[place] = score;
        for (uint8 i = 0; i < 3; ++i) {
            prank(keyOf(i));
            board.commitScores(1, round, commitmentOf(round, keyOf(i), "salt", pack(scores)));
        }
        if (score < -LARGEST || score > LARGEST) {
            vm.expectRevert(
                abi.encodeWithSelector(IScoreBoard.ScoreBoard_ScoreOutOfRange.selector, uint256(place), score)
            );
        }
        prank(keyOf(1));
        board.revealScores(1, round, "salt", pack(scores));
    }

    /// @dev Nobody else can reveal a commitment, and it binds to every bit of salt and scores.
    function testFuzz_ACommitmentIsItsScorersAlone(bytes32 salt, bytes32 other, uint8 bit, int32 score) public {
        vm.assume(salt != other);
        foundScored(3);
        uint32 round = finalise();
        open(round, 1);
        bytes memory scores = abi.encodePacked(inRange(score));
        bytes memory changed = abi.encodePacked(bytes4(scores) ^ bytes4(uint32(1) << bit % 32));
        bytes32 commitment = commitmentOf(round, keyOf(0), salt, scores);
        for (uint8 i = 0; i < 3; ++i) {
            prank(keyOf(i));
            board.commitScores(1, round, commitment);
        }
        _refused(round, 1, salt, scores);
        _refused(round, 0, other, scores);
        _refused(round, 0, salt, changed);
        prank(keyOf(0));
        board.revealScores(1, round, salt, scores);
    }

    function _requireRefused(uint32 round, uint256 start, bytes memory scores, bytes memory medians) private {
        bytes memory call = abi.encodeCall(board.settleScores, (1, round, uint8(start), scores, medians));
        prank(STRANGER);
        (bool settled,) = address(board).call(call);
        check(!settled, "settled out of turn");
    }

    function _range(int32[][] memory vectors, uint256 start, uint256 end) private pure returns (bytes memory scores) {
        for (uint256 i = 0; i < vectors.length; ++i) {
            scores = bytes.concat(scores, rangeOf(keyOf(i), pack(vectors[i]), start, end));
        }
    }

    function _rootOf(uint32 round, int32[][] memory vectors, bytes memory medians) private view returns (bytes32) {
        address[] memory scorers = new address[](vectors.length);
        bytes[] memory packed = new bytes[](vectors.length);
        for (uint256 i = 0; i < vectors.length; ++i) {
            (scorers[i], packed[i]) = (keyOf(i), pack(vectors[i]));
        }
        (,, bytes32 seed, bytes32 committed, bytes32 revealed) = board.scoringOf(1);
        return rootOf(round, seed, committed ^ revealed, revealed, scorers, packed, medians);
    }

    function _refused(uint32 round, uint8 who, bytes32 salt, bytes memory scores) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IScoreBoard.ScoreBoard_NotWhatWasCommitted.selector, uint32(1), round, keyOf(who)
            )
        );
        prank(keyOf(who));
        board.revealScores(1, round, salt, scores);
    }

    function _settle(int32[][] memory vectors, uint256 withheld) private returns (int32[] memory medians) {
        (uint32 round, bytes memory scores) = _reveal(vectors, withheld);
        int32[][] memory shown = new int32[][](vectors.length - withheld);
        for (uint256 i = 0; i < shown.length; ++i) {
            shown[i] = vectors[i + withheld];
        }
        medians = mediansOf(shown);
        prank(STRANGER);
        board.settleScores(1, round, 0, scores, pack(medians));
    }

    /// @dev All commit; all but the first `withheld` reveal, and the time to do so passes.
    function _reveal(int32[][] memory vectors, uint256 withheld) private returns (uint32 round, bytes memory scores) {
        foundScored(vectors.length < 3 ? 3 : vectors.length);
        round = finalise();
        open(round, vectors[0].length);
        for (uint256 i = 0; i < vectors.length; ++i) {
            prank(keyOf(i));
            board.commitScores(1, round, commitmentOf(round, keyOf(i), bytes32(i), pack(vectors[i])));
        }
        (IScoreBoard.Scoring memory scoring,,,,) = board.scoringOf(1);
        if (vectors.length < 3) vm.warp(scoring.commitDeadline + 1);
        for (uint256 i = withheld; i < vectors.length; ++i) {
            scores = bytes.concat(scores, rangeOf(keyOf(i), pack(vectors[i]), 0, 4 * vectors[i].length));
            prank(keyOf(i));
            board.revealScores(1, round, bytes32(i), pack(vectors[i]));
        }
        vm.warp(scoring.revealDeadline + 1);
    }

    function _lie(int32 lie, uint256 how, uint256 i, uint256 j) private pure returns (int32) {
        if (how % 4 == 0) return LARGEST;
        if (how % 4 == 1) return -LARGEST;
        return how % 4 == 2 ? inRange(lie) : random(abi.encode(lie, i, j));
    }
}

/// @dev Members, former keys and a stranger open, commit, reveal, settle and end scorings in any order. Every call may
/// fail; what succeeds is noted, and checked at once against what was before.
contract Scorers is Scored {
    /// @dev What a settlement begins with: too much for the stack.
    struct Settling {
        uint32 round;
        IScoreBoard.Scoring was;
        IScoreBoard.Phase phase;
        bytes32 committed;
        bytes32 revealed;
        address[] scorers;
        bytes[] packed;
        bytes medians;
    }

    uint256 private constant MEMBERS = 5;

    address[] public keys; // every key ever used, and last a stranger's
    mapping(uint32 round => uint256 updates) public updatesOf;
    mapping(uint32 round => bytes32 root) public roots;
    mapping(uint32 round => IScoreBoard.Phase phase) public ends;
    mapping(uint32 round => mapping(uint256 index => uint256 count)) public commitments;
    mapping(uint32 round => mapping(uint256 index => uint256 count)) public reveals;
    mapping(uint32 round => mapping(uint256 index => address key)) private committer;
    mapping(uint32 round => address[] keys) private revealers;
    mapping(uint32 round => bytes32 seed) private seeds;
    mapping(IScoreBoard.Phase phase => uint256 count) public reached;
    mapping(uint32 round => bool revealing) private started;
    uint256 public lies;
    uint256 public inRanges;
    uint256 public leftUnsettled;
    uint160 private fresh = 0x20000;

    constructor() {
        foundScored(MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys.push(keyOf(i));
        }
        keys.push(address(0xbad));
    }

    function wait(uint16 time) external {
        vm.warp(block.timestamp + time % 40);
    }

    /// @dev Rarely without an update, against the rules: it can never be scored, nor any round after it.
    function finaliseNext(uint8 updates) external {
        uint256 admitted = updates == 0 ? 0 : 1 + updates % 12;
        if (updates > 128) admitted = 33 + updates % 40; // more than a chunk
        updatesOf[finalise()] = admitted;
    }

    function abandonNext() external {
        prank(consortium.keyOf(0));
        ledger.openRound(1);
        uint32 round = ledger.roundOf(1).round;
        vm.warp(uint256(ledger.roundOf(1).deadline) + 1 days);
        prank(consortium.keyOf(0));
        ledger.advance(1, round);
    }

    function openAny(uint256 who, uint32 round) external {
        (IScoreBoard.Scoring memory was, IScoreBoard.Phase phase,,,) = board.scoringOf(1);
        uint32 next = was.round + 1;
        while (next < ledger.roundOf(1).round && ledger.modelOf(1, next) == 0) ++next;
        round = round % 4 == 0 ? round / 4 % (ledger.roundOf(1).round + 2) : next;
        if (!_as(who, abi.encodeCall(board.openScoring, (1, round, 0, scored(updatesOf[round]))))) return;
        check(was.round == 0 || phase >= IScoreBoard.Phase.Settled, "opened beside another");
        check(round == next && ledger.modelOf(1, round) != 0 && updatesOf[round] > 0, "opened");
        (,, seeds[round],,) = board.scoringOf(1);
        ++reached[IScoreBoard.Phase.Committing];
    }

    function commit(uint256 who) public {
        uint32 round = _round();
        address key = _key(who);
        bytes32 commitment = commitmentOf(round, key, _salt(round, key), pack(_vector(round, key)));
        if (!_as(who, abi.encodeCall(board.commitScores, (1, round, commitment)))) return;
        (uint8 index, uint8 roles, uint32 since) = consortium.standingOf(key);
        (IScoreBoard.Scoring memory scoring,,,,) = board.scoringOf(1);
        check(roles & 4 != 0 && since <= scoring.epoch, "committed by no scorer");
        check(block.timestamp <= scoring.commitDeadline && !started[round], "committed late");
        ++commitments[round][index];
        committer[round][index] = key;
    }

    function commitAll() external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            commit(i);
        }
    }

    function reveal(uint256 who, uint8 lie) public {
        uint32 round = _round();
        address key = _key(who);
        bytes memory scores = pack(_vector(round, key));
        bytes32 salt = lie % 8 == 0 ? bytes32("other") : _salt(round, key);
        if (lie % 8 == 1 && scores.length > 0) scores[lie / 8 % scores.length] ^= 0x01;
        (,, bytes32 seed, bytes32 committed,) = board.scoringOf(1);
        if (!_as(who, abi.encodeCall(board.revealScores, (1, round, salt, scores)))) return;
        check(lie % 8 > 1, "revealed what was not committed to");
        (IScoreBoard.Scoring memory scoring,,,,) = board.scoringOf(1);
        (uint8 index,,) = consortium.standingOf(key);
        check(committer[round][index] == key && uint256(committed) >> index & 1 == 1, "revealed another's");
        bool full = _ones(uint256(committed)) == scoring.scorers;
        check(full || block.timestamp > scoring.commitDeadline, "revealed early");
        check(block.timestamp <= scoring.revealDeadline && seed != 0, "revealed late");
        started[round] = true;
        revealers[round].push(key);
        ++reveals[round][index];
        ++reached[IScoreBoard.Phase.Revealing];
    }

    function revealAll() external {
        for (uint256 i = 0; i < keys.length; ++i) {
            reveal(i, 2);
        }
    }

    /// @dev Settles the next chunk, or all that is left.
    function settle(uint256 who, uint8 lie) public {
        Settling memory step;
        step.round = _round();
        (step.was, step.phase,, step.committed, step.revealed) = board.scoringOf(1);
        step.scorers = revealers[step.round];
        if (step.scorers.length == 0) return;
        (step.packed, step.medians) = _said(step.round, step.scorers);
        uint256 start = 4 * uint256(step.was.settled);
        uint256 length = step.medians.length;
        uint256 end = lie % 2 == 0 && start + 128 < length ? start + 128 : length;
        bytes memory some = slice(step.medians, start, end);
        bool lying = lie % 4 == 3 && some.length > 0;
        if (lying) some[3] ^= 0x01;
        bytes memory scores;
        for (uint256 i = 0; i < step.scorers.length; ++i) {
            scores = bytes.concat(scores, rangeOf(step.scorers[i], step.packed[i], start, end));
        }
        if (!_as(who, abi.encodeCall(board.settleScores, (1, step.round, step.was.settled, scores, some)))) {
            if (lying && step.phase == IScoreBoard.Phase.Over) ++lies;
            return;
        }
        check(!lying && step.phase == IScoreBoard.Phase.Over && step.scorers.length >= step.was.quorum, "settled");
        if (end < length) return;
        if (start > 0) ++inRanges;
        _end(step.round, IScoreBoard.Phase.Settled, _rootOf(step));
    }

    function _rootOf(Settling memory done) private view returns (bytes32) {
        bytes32 withheld = done.committed ^ done.revealed;
        return rootOf(
            done.round, seeds[done.round], withheld, done.revealed, done.scorers, done.packed, done.medians
        );
    }

    function _said(uint32 round, address[] memory scorers)
        private
        view
        returns (bytes[] memory packed, bytes memory medians)
    {
        int32[][] memory vectors = new int32[][](scorers.length);
        packed = new bytes[](scorers.length);
        for (uint256 i = 0; i < scorers.length; ++i) {
            vectors[i] = _vector(round, scorers[i]);
            packed[i] = pack(vectors[i]);
        }
        medians = pack(mediansOf(vectors));
    }

    function endVoid(uint256 who) external {
        uint32 round = _round();
        (IScoreBoard.Scoring memory was, IScoreBoard.Phase phase,,, bytes32 revealed) = board.scoringOf(1);
        if (!_as(who, abi.encodeCall(board.voidScoring, (1, round)))) return;
        bool late = block.timestamp > 2 * uint256(was.revealDeadline) - was.commitDeadline;
        check(phase == IScoreBoard.Phase.Over && (late || _ones(uint256(revealed)) < was.quorum), "void");
        if (_ones(uint256(revealed)) >= was.quorum) ++leftUnsettled;
        _end(round, IScoreBoard.Phase.Void, 0);
    }

    function rotate(uint256 who, uint8 rarely) external {
        if (rarely % 8 != 0) return;
        address newKey = address(++fresh);
        prank(_key(who));
        try consortium.rotateKey(newKey) {
            keys.push(newKey);
        } catch {}
    }

    function _end(uint32 round, IScoreBoard.Phase phase, bytes32 root) private {
        check(ends[round] == IScoreBoard.Phase.None, "ended twice");
        (ends[round], roots[round]) = (phase, root);
        ++reached[phase];
    }

    function _round() private view returns (uint32) {
        (IScoreBoard.Scoring memory scoring,,,,) = board.scoringOf(1);
        return scoring.round;
    }

    function _vector(uint32 round, address key) private view returns (int32[] memory scores) {
        scores = new int32[](updatesOf[round]);
        for (uint256 i = 0; i < scores.length; ++i) {
            scores[i] = random(abi.encode(round, key, i)) / 100_000_000;
        }
    }

    function _salt(uint32 round, address key) private pure returns (bytes32) {
        return keccak256(abi.encode(round, key));
    }

    /// @dev A current key where `who` is small, else any that ever was, or the stranger's.
    function _key(uint256 who) private view returns (address) {
        return who < MEMBERS ? consortium.keyOf(uint8(who)) : keys[who % keys.length];
    }

    function _as(uint256 who, bytes memory call) private returns (bool succeeded) {
        prank(_key(who));
        (succeeded,) = address(board).call(call);
    }

    function _ones(uint256 bits) private pure returns (uint256 ones) {
        for (; bits != 0; bits &= bits - 1) {
            ++ones;
        }
    }
}

contract ScoringInvariantsTest is Base {
    Scorers private scorers;
    ScoreBoard private board;

    function setUp() public {
        scorers = new Scorers();
        board = scorers.board();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(scorers);
    }

    /// @dev The invariants below say something: the scorers get everywhere.
    function test_ScorersReachEveryPhase() external {
        for (uint256 i = 0; i < 2500; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            uint256 choice = random % 13;
            uint256 who = random >> 8;
            if (choice == 0) scorers.wait(uint16(who));
            else if (choice == 1) scorers.finaliseNext(1 + uint8(who) % 254);
            else if (choice == 2) scorers.openAny(who % 5, uint32(who >> 8));
            else if (choice == 3) scorers.commitAll();
            else if (choice == 4) scorers.commit(who);
            else if (choice == 5) scorers.revealAll();
            else if (choice == 6) scorers.reveal(who, uint8(random >> 64));
            else if (choice == 7) scorers.settle(who, uint8(random >> 64));
            else if (choice == 8) scorers.endVoid(who);
            else if (choice == 9) scorers.rotate(who, uint8(random >> 64));
            else if (choice == 10) scorers.settle(who, 0);
            else if (choice == 11 && who % 4 == 0) scorers.abandonNext();
            else scorers.openAny(who % 5, 1);
        }
        for (uint8 phase = uint8(IScoreBoard.Phase.Committing); phase <= uint8(IScoreBoard.Phase.Void); ++phase) {
            bool passing = IScoreBoard.Phase(phase) == IScoreBoard.Phase.Over;
            check(passing || scorers.reached(IScoreBoard.Phase(phase)) > 2, "a phase was not reached");
        }
        check(scorers.lies() > 2, "no wrong median was refused");
        check(scorers.inRanges() > 2, "nothing was settled in ranges");
        check(scorers.leftUnsettled() > 0, "nothing was left unsettled");
    }

    function invariant_OneCommitmentAndOneRevealOfEachScorer() external view {
        (IScoreBoard.Scoring memory scoring,,, bytes32 committed, bytes32 revealed) = board.scoringOf(1);
        check(revealed & ~committed == 0, "revealed without a commitment");
        for (uint256 index = 0; index < 5; ++index) {
            uint256 commitments = scorers.commitments(scoring.round, index);
            uint256 reveals = scorers.reveals(scoring.round, index);
            check(commitments == uint256(committed) >> index & 1, "commitments");
            check(reveals == uint256(revealed) >> index & 1, "reveals");
        }
    }

    function invariant_OnlyTheSettledHaveRootsAndKeepThem() external view {
        for (uint32 round = 1; round <= scorers.ledger().roundOf(1).round; ++round) {
            bool settled = scorers.ends(round) == IScoreBoard.Phase.Settled;
            check((scorers.roots(round) != 0) == settled, "noted");
            check(board.rootOf(1, round) == scorers.roots(round), "root");
        }
    }

    /// @dev After anything that happened, time alone lets anyone end the scoring, settled or void.
    function invariant_NoScoringIsStuck() external {
        (IScoreBoard.Scoring memory scoring, IScoreBoard.Phase phase,,,) = board.scoringOf(1);
        if (phase == IScoreBoard.Phase.None || phase >= IScoreBoard.Phase.Settled) return;
        vm.warp(2 * uint256(scoring.revealDeadline) - scoring.commitDeadline + 1);
        scorers.endVoid(5);
        (, phase,,,) = board.scoringOf(1);
        check(phase >= IScoreBoard.Phase.Settled, "stuck");
    }
}
