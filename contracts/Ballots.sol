// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BallotBox} from "./BallotBox.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IReleaseBoard} from "./interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {Actions} from "./libraries/Actions.sol";
import {Contents} from "./libraries/Contents.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Ballots
/// @notice Proposals of one consortium, and their execution. `BallotBox` has the votes on them.
contract Ballots is BallotBox {
    /// @dev In memory, so that the compiler does not make a `_propose` of its own for every kind.
    struct Draft {
        address proposer;
        Kind kind;
        bytes action;
    }

    IRoundLedger private immutable _ledger;
    IReleaseBoard private immutable _releases;

    Rules private _rules;
    uint32 private _proposals;
    mapping(address proposer => uint32 nonce) private _nonces;

    /// @notice Opens the ballots of the consortium that names this contract's address.
    constructor(IConsortium consortium_, IRoundLedger ledger_, IReleaseBoard releases_, Rules memory rules_)
        BallotBox(consortium_)
    {
        if (consortium_.ballots() != address(this)) {
            revert Ballots_NotNamed(address(consortium_), consortium_.ballots());
        }
        if (ledger_.consortium() != address(consortium_)) {
            revert Ballots_OtherConsortium(address(ledger_), ledger_.consortium());
        }
        if (releases_.ledger() != address(ledger_)) {
            revert Ballots_OtherConsortium(address(releases_), releases_.ledger());
        }
        _ledger = ledger_;
        _releases = releases_;
        Actions.requireRules(rules_);
        _changeRules(rules_);
    }

    /// @inheritdoc IBallots
    function proposeAdmission(address key, uint8 roles, bytes32[2] calldata name) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.AdmitMember, abi.encode(key, roles, name));
    }

    /// @inheritdoc IBallots
    function proposeRemoval(uint8 index) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.RemoveMember, abi.encode(index));
    }

    /// @inheritdoc IBallots
    function proposeRoles(uint8 index, uint8 roles) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.ChangeRoles, abi.encode(index, roles));
    }

    /// @inheritdoc IBallots
    function proposeRules(Rules calldata newRules) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.ChangeRules, abi.encode(newRules));
    }

    /// @inheritdoc IBallots
    function proposeClosing(uint32 job) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.CloseJob, abi.encode(job));
    }

    /// @inheritdoc IBallots
    function proposeRelease(IReleaseBoard.Release calldata release) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.Release, abi.encode(release));
    }

    /// @inheritdoc IBallots
    function proposeRevocation(bytes32 name, bytes32 version, bytes32 reason) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.Revoke, abi.encode(name, version, reason));
    }

    /// @inheritdoc IBallots
    function proposeRollback(bytes32 name, bytes32 version) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.RollBack, abi.encode(name, version));
    }

    /// @inheritdoc IBallots
    function proposeSuccessor(uint64 chain, address ledger_) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.NameSuccessor, abi.encode(chain, ledger_));
    }

    /// @inheritdoc IBallots
    function proposeRewind(uint32 job, uint32 round) external returns (bytes32 proposal) {
        return _proposeAsCaller(Kind.RewindJob, abi.encode(job, round));
    }

    /// @inheritdoc IBallots
    function proposeBySignature(Kind kind, bytes calldata action, SignedProposal calldata signed)
        external
        returns (bytes32 proposal)
    {
        _requireOrigin();
        (address member, uint32 nonce) = (signed.member, signed.nonce);
        uint32 expected = _nonces[member] + 1;
        if (nonce != expected) revert Ballots_WrongNonce(member, expected, nonce);
        bytes32 digest = digestOfProposal(nonce, member, kind, action, signed.deadline);
        Refusal refusal = Signatures.refusalOf(digest, member, signed.deadline, signed.v, signed.r, signed.s);
        if (refusal != Refusal.None) revert Ballots_ProposalRefused(member, nonce, refusal);
        return _propose(Draft(member, kind, action));
    }

    /// @inheritdoc IBallots
    function execute(address proposer, uint32 nonce, Kind kind, bytes calldata action) external {
        _requireOrigin();
        bytes32 proposal = idOf(proposer, nonce, kind, action);
        State state = _state(proposal);
        if (state != State.Executable) revert Ballots_WrongState(proposal, state);
        _end(proposal, State.Executed);
        emit Executed(proposal);
        _carryOut(kind, action);
    }

    /// @inheritdoc IBallots
    function idOf(address proposer, uint32 nonce, Kind kind, bytes calldata action)
        public
        pure
        returns (bytes32 proposal)
    {
        return Contents.hashOf(proposer, nonce, kind, action);
    }

    /// @inheritdoc IBallots
    function digestOfProposal(uint32 nonce, address member, Kind kind, bytes calldata action, uint64 deadline)
        public
        view
        returns (bytes32)
    {
        bytes32 proposal = Contents.hashOf(member, nonce, kind, action);
        return Signatures.digestOfProposal(Signatures.domain(), kind, proposal, deadline);
    }

    /// @inheritdoc IBallots
    function rules() external view returns (Rules memory) {
        return _rules;
    }

    /// @inheritdoc IBallots
    function proposals() external view returns (uint32) {
        return _proposals;
    }

    /// @inheritdoc IBallots
    function nonceOf(address key) external view returns (uint32) {
        return _nonces[key];
    }

    /// @inheritdoc IBallots
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @inheritdoc IBallots
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IBallots
    function releases() external view returns (address) {
        return address(_releases);
    }

    function _proposeAsCaller(Kind kind, bytes memory action) private returns (bytes32 proposal) {
        _requireOrigin();
        return _propose(Draft(msg.sender, kind, action));
    }

    function _propose(Draft memory draft) private returns (bytes32 proposal) {
        _requireProposable(draft.kind, draft.action);
        _consortium.membership(draft.proposer);
        uint32 epoch = _consortium.epoch();
        uint32 number = ++_proposals;
        uint32 nonce = ++_nonces[draft.proposer];
        proposal = Contents.hashOf(draft.proposer, nonce, draft.kind, draft.action);
        uint40 deadline = _open(proposal, draft.proposer, epoch, _rules);
        emit Proposed(proposal, number, draft.proposer, nonce, draft.kind, draft.action, epoch, deadline);
    }

    /// @dev Refuses what could not be carried out even if it passed now, and what would change nothing. The action has its
    /// kind's shape.
    function _requireProposable(Kind kind, bytes memory action) private view {
        if (kind == Kind.AdmitMember) {
            (address key, uint8 roles) = abi.decode(action, (address, uint8));
            if (key == address(0)) revert Ballots_ZeroAddress();
            Actions.requireRoles(roles);
        } else if (kind == Kind.RemoveMember) {
            _consortium.keyOf(abi.decode(action, (uint8)));
        } else if (kind == Kind.ChangeRoles) {
            (uint8 index, uint8 roles) = abi.decode(action, (uint8, uint8));
            address key = _consortium.keyOf(index);
            Actions.requireRoles(roles);
            _requireChange(kind, _consortium.membership(key).roles != roles);
        } else if (kind == Kind.ChangeRules) {
            Actions.requireRules(abi.decode(action, (Rules)));
            _requireChange(kind, keccak256(abi.encode(_rules)) != keccak256(action));
        } else if (kind == Kind.CloseJob) {
            _ledger.jobOf(abi.decode(action, (uint32)));
        } else if (kind == Kind.Release) {
            _releases.requireReleasable(abi.decode(action, (IReleaseBoard.Release)));
        } else if (kind == Kind.NameSuccessor) {
            (uint64 chain, address successor) = abi.decode(action, (uint64, address));
            if (successor == address(0)) revert Ballots_ZeroAddress();
            IConsortium.Successor memory named = _consortium.successor();
            _requireChange(kind, named.chain != chain || named.ledger != successor);
        } else if (kind == Kind.RewindJob) {
            (uint32 job, uint32 round) = abi.decode(action, (uint32, uint32));
            (uint24 convicted,) = _ledger.convictionOf(job);
            if (convicted == 0) revert IRoundLedger.RoundLedger_NotConvicted(job);
            if (convicted != round) revert IRoundLedger.RoundLedger_WrongConviction(job, round, convicted);
        } else {
            // Revoke and RollBack, which name a release first.
            (bytes32 name, bytes32 version) = abi.decode(action, (bytes32, bytes32));
            bytes32 release = _releases.idOf(name, version);
            (IReleaseBoard.Release memory record, bool revoked) = _releases.releaseOf(release);
            if (revoked) revert IReleaseBoard.ReleaseBoard_AlreadyRevoked(release);
            if (kind == Kind.RollBack) {
                if (_releases.currentOf(name) == release) revert IReleaseBoard.ReleaseBoard_AlreadyCurrent(release);
                if (_ledger.isConvicted(record.job, record.round)) {
                    revert IReleaseBoard.ReleaseBoard_Convicted(record.job, record.round);
                }
            }
        }
    }

    function _requireChange(Kind kind, bool changes) private pure {
        if (!changes) revert Ballots_ChangesNothing(kind);
    }

    /// @dev An action is what the call that it stands for takes, so that it needs no decoding. Errors pass through.
    function _carryOut(Kind kind, bytes calldata action) private {
        if (kind == Kind.ChangeRules) return _changeRules(abi.decode(action, (Rules)));
        (address target, bytes4 selector) = _callOf(kind);
        (bool succeeded, bytes memory reason) = target.call(bytes.concat(selector, action));
        if (succeeded) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _callOf(Kind kind) private view returns (address target, bytes4 selector) {
        if (kind == Kind.AdmitMember) return (address(_consortium), IConsortium.admit.selector);
        if (kind == Kind.RemoveMember) return (address(_consortium), IConsortium.remove.selector);
        if (kind == Kind.ChangeRoles) return (address(_consortium), IConsortium.changeRoles.selector);
        if (kind == Kind.CloseJob) return (address(_ledger), IRoundLedger.closeJob.selector);
        if (kind == Kind.RewindJob) return (address(_ledger), IRoundLedger.rewindJob.selector);
        if (kind == Kind.Release) return (address(_releases), IReleaseBoard.publish.selector);
        if (kind == Kind.Revoke) return (address(_releases), IReleaseBoard.revoke.selector);
        if (kind == Kind.RollBack) return (address(_releases), IReleaseBoard.rollBack.selector);
        return (address(_consortium), IConsortium.nameSuccessor.selector);
    }

    function _changeRules(Rules memory newRules) private {
        _rules = newRules;
        emit RulesChanged(newRules);
    }
}
