// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IReleaseBoard} from "./interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IScoreBoard} from "./interfaces/IScoreBoard.sol";

/// @title ReleaseBoard
/// @notice The models that the members released.
contract ReleaseBoard is IReleaseBoard {
    IRoundLedger private immutable _ledger;
    IScoreBoard private immutable _scores;

    mapping(bytes32 release => Release record) private _releases;
    mapping(bytes32 release => bool revoked) private _revoked;
    mapping(bytes32 name => bytes32 release) private _current;

    /// @notice Opens an empty board for the models of `ledger_`, scored on `scores_`.
    constructor(IRoundLedger ledger_, IScoreBoard scores_) {
        address other = scores_.ledger();
        if (other != address(ledger_)) revert ReleaseBoard_OtherLedger(address(scores_), other);
        _ledger = ledger_;
        _scores = scores_;
    }

    /// @inheritdoc IReleaseBoard
    function publish(Release calldata release) external {
        _requireBallots();
        requireReleasable(release);
        bytes32 id = idOf(release.name, release.version);
        _releases[id] = release;
        _current[release.name] = id;
        emit Released(
            id, release.name, release.version, release.job, release.round, release.root, release.scores, release.report
        );
    }

    /// @inheritdoc IReleaseBoard
    function revoke(bytes32 name, bytes32 version, bytes32 reason) external {
        _requireBallots();
        bytes32 release = _requireUsable(name, version);
        _revoked[release] = true;
        if (_current[name] == release) delete _current[name];
        emit Revoked(release, reason);
    }

    /// @inheritdoc IReleaseBoard
    function rollBack(bytes32 name, bytes32 version) external {
        _requireBallots();
        bytes32 release = _requireUsable(name, version);
        _requireSound(_releases[release]);
        bytes32 previous = _current[name];
        if (previous == release) revert ReleaseBoard_AlreadyCurrent(release);
        _current[name] = release;
        emit RolledBack(release, previous);
    }

    /// @inheritdoc IReleaseBoard
    function requireReleasable(Release calldata release) public view {
        _requireName(release.name);
        _requireName(release.version);
        bytes32 model = _ledger.modelOf(release.job, release.round);
        if (model == 0 || model != release.root) {
            revert ReleaseBoard_NotFinalised(release.job, release.round, release.root, model);
        }
        _requireSound(release);
        bytes32 root = _scores.rootOf(release.job, release.round);
        if (release.scores != 0 && release.scores != root) {
            revert ReleaseBoard_WrongScores(release.job, release.round, release.scores, root);
        }
        bytes32 id = idOf(release.name, release.version);
        if (_releases[id].name != 0) revert ReleaseBoard_AlreadyReleased(id);
    }

    /// @inheritdoc IReleaseBoard
    function idOf(bytes32 name, bytes32 version) public pure returns (bytes32 release) {
        return keccak256(abi.encode(name, version));
    }

    /// @inheritdoc IReleaseBoard
    function releaseOf(bytes32 release) external view returns (Release memory record, bool revoked) {
        record = _releases[release];
        if (record.name == 0) revert ReleaseBoard_UnknownRelease(release);
        return (record, _revoked[release]);
    }

    /// @inheritdoc IReleaseBoard
    function currentOf(bytes32 name) external view returns (bytes32 release) {
        release = _current[name];
        Release storage record = _releases[release];
        if (release != 0 && _ledger.isConvicted(record.job, record.round)) return 0;
    }

    /// @inheritdoc IReleaseBoard
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IReleaseBoard
    function scores() external view returns (address) {
        return address(_scores);
    }

    function _requireBallots() private view {
        if (msg.sender != IConsortium(_ledger.consortium()).ballots()) revert ReleaseBoard_NotBallots(msg.sender);
    }

    function _requireUsable(bytes32 name, bytes32 version) private view returns (bytes32 release) {
        release = idOf(name, version);
        if (_releases[release].name == 0) revert ReleaseBoard_UnknownRelease(release);
        if (_revoked[release]) revert ReleaseBoard_AlreadyRevoked(release);
    }

    function _requireSound(Release memory release) private view {
        if (_ledger.isConvicted(release.job, release.round)) {
            revert ReleaseBoard_Convicted(release.job, release.round);
        }
    }

    function _requireName(bytes32 name) private pure {
        bool ended = false;
        for (uint256 i = 0; i < 32; ++i) {
            bytes1 sign = name[i];
            bool plain = (sign >= "a" && sign <= "z") || (sign >= "0" && sign <= "9");
            bool inner = i > 0 && (sign == "." || sign == "-");
            if (sign == 0 && i > 0) ended = true;
            else if (ended || !(plain || inner)) revert ReleaseBoard_InvalidName(name);
        }
    }
}
