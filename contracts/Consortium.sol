// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {Bits} from "./libraries/Bits.sol";

/// @title Consortium
/// @notice The members, their keys and roles.
/// @dev Active keys, and only they, have roles. A retired key keeps its `since`, so that it is never taken again. A
/// member that was removed has no key. Counters and bitmaps follow every change, so that no transaction counts members.
contract Consortium is IConsortium {
    /// @param recoveries how often the other members replaced the key; approvals are bound to it
    struct Member {
        address key;
        uint32 recoveries;
    }

    uint256 private constant MINIMUM_MEMBERS = 3;
    uint256 private constant MAXIMUM_MEMBERS = 255;
    uint256 private constant MAXIMUM_GATEWAY = 256;
    uint8 private constant ALL_ROLES = 7;

    address private immutable _ballots;

    Census private _census;
    uint256 private _active;
    uint8 private _admitted;
    Successor private _successor;
    mapping(uint256 index => Member member) private _members;
    mapping(address key => Membership membership) private _memberships;
    mapping(bytes32 rotation => uint256 members) private _approvals;

    /// @notice Founds the consortium: member i has `keys[i]`, `roles[i]` and `names[i]`; later changes come from `ballots_`.
    constructor(address[] memory keys, uint8[] memory roles, bytes32[2][] memory names, address ballots_) {
        uint256 members = keys.length;
        if (members < MINIMUM_MEMBERS) revert Consortium_TooFewMembers(members, MINIMUM_MEMBERS);
        if (members > MAXIMUM_MEMBERS) revert Consortium_TooManyMembers(members, MAXIMUM_MEMBERS);
        if (roles.length != members) revert Consortium_RolesMissing(members, roles.length);
        if (names.length != members) revert Consortium_NamesMissing(members, names.length);
        _census.epoch = 1;
        for (uint256 i = 0; i < members; ++i) {
            _admit(keys[i], roles[i], names[i]);
        }
        _ballots = ballots_;
    }

    /// @inheritdoc IConsortium
    function rotateKey(address newKey) external {
        _requireOrigin();
        uint8 index = membership(msg.sender).index;
        _requireUnused(newKey);
        Census memory counted = _census;
        ++counted.epoch;
        _rotate(index, newKey, counted);
    }

    /// @inheritdoc IConsortium
    function approveRotation(uint8 index, address newKey) external {
        _requireOrigin();
        uint8 member = membership(msg.sender).index;
        keyOf(index);
        _requireUnused(newKey);
        bytes32 rotation = keccak256(abi.encode(index, _members[index].recoveries, newKey));
        uint256 approved = _approvals[rotation];
        if (approved >> member & 1 != 0) revert Consortium_AlreadyApproved(index, newKey, member);

        approved |= 1 << member;
        _approvals[rotation] = approved;
        uint8 approvals = uint8(Bits.ones(approved & _active));
        emit RotationApproved(index, newKey, member, approvals);
        Census memory counted = _census;
        if (approvals <= counted.members / 2) return;
        ++_members[index].recoveries;
        ++counted.recoveries;
        ++counted.epoch;
        _rotate(index, newKey, counted);
    }

    /// @inheritdoc IConsortium
    function announce(string calldata gateway) external {
        _requireOrigin();
        uint8 index = membership(msg.sender).index;
        uint256 length = bytes(gateway).length;
        if (length > MAXIMUM_GATEWAY) revert Consortium_GatewayTooLong(length, MAXIMUM_GATEWAY);
        emit Announced(index, gateway);
    }

    /// @inheritdoc IConsortium
    function admit(address key, uint8 roles, bytes32[2] calldata name) external {
        _requireBallots();
        if (_admitted == MAXIMUM_MEMBERS) revert Consortium_TooManyMembers(MAXIMUM_MEMBERS + 1, MAXIMUM_MEMBERS);
        ++_census.epoch;
        _admit(key, roles, name);
    }

    /// @inheritdoc IConsortium
    function remove(uint8 index) external {
        _requireBallots();
        address key = keyOf(index);
        Census memory counted = _census;
        if (counted.members == MINIMUM_MEMBERS) revert Consortium_TooFewMembers(MINIMUM_MEMBERS - 1, MINIMUM_MEMBERS);
        ++counted.epoch;
        --counted.members;
        _recount(counted, _memberships[key].roles, 0);
        _active ^= 1 << index;
        delete _members[index];
        _memberships[key].roles = 0;
        emit MemberRemoved(index, key, counted.epoch);
    }

    /// @inheritdoc IConsortium
    function changeRoles(uint8 index, uint8 roles) external {
        _requireBallots();
        address key = keyOf(index);
        _requireRoles(roles);
        Census memory counted = _census;
        Membership memory found = _memberships[key];
        ++counted.epoch;
        _recount(counted, found.roles, roles);
        _memberships[key] = Membership(index, roles, found.since, counted.epoch);
        emit RolesChanged(index, roles, counted.epoch);
    }

    /// @inheritdoc IConsortium
    function nameSuccessor(uint64 chain, address ledger) external {
        _requireBallots();
        _successor = Successor(chain, ledger);
        emit SuccessorNamed(chain, ledger);
    }

    /// @inheritdoc IConsortium
    function census() external view returns (Census memory) {
        return _census;
    }

    /// @inheritdoc IConsortium
    function active() external view returns (uint256) {
        return _active;
    }

    /// @inheritdoc IConsortium
    function epoch() external view returns (uint32) {
        return _census.epoch;
    }

    /// @inheritdoc IConsortium
    function count() external view returns (uint8) {
        return _census.members;
    }

    /// @inheritdoc IConsortium
    function admitted() external view returns (uint8) {
        return _admitted;
    }

    /// @inheritdoc IConsortium
    function majority() external view returns (uint8) {
        return _census.members / 2 + 1;
    }

    /// @inheritdoc IConsortium
    function membership(address key) public view returns (Membership memory found) {
        found = _memberships[key];
        if (found.roles == 0) revert Consortium_NotMember(key);
    }

    /// @inheritdoc IConsortium
    function standingOf(address key) external view returns (uint8 index, uint8 roles, uint32 since) {
        Membership storage found = _memberships[key];
        return (found.index, found.roles, found.since);
    }

    /// @inheritdoc IConsortium
    function keyOf(uint8 index) public view returns (address key) {
        key = _members[index].key;
        if (key == address(0)) revert Consortium_UnknownIndex(index);
    }

    /// @inheritdoc IConsortium
    function keysWith(uint8 roles) external view returns (address[] memory) {
        address[] memory all = new address[](_admitted);
        uint256 found = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            address key = _members[i].key;
            if (key != address(0) && _memberships[key].roles & roles == roles) all[found++] = key;
        }
        address[] memory keys = new address[](found);
        for (uint256 i = 0; i < found; ++i) {
            keys[i] = all[i];
        }
        return keys;
    }

    /// @inheritdoc IConsortium
    function ballots() external view returns (address) {
        return _ballots;
    }

    /// @inheritdoc IConsortium
    function successor() external view returns (Successor memory) {
        return _successor;
    }

    /// @dev The member joins in the epoch that is current.
    function _admit(address key, uint8 roles, bytes32[2] memory name) private {
        _requireRoles(roles);
        _requireUnused(key);
        uint8 index = _admitted++;
        Census memory counted = _census;
        ++counted.members;
        _recount(counted, 0, roles);
        _active |= 1 << index;
        _members[index] = Member(key, 0);
        _memberships[key] = Membership(index, roles, counted.epoch, counted.epoch);
        emit MemberAdmitted(index, key, roles, counted.epoch, name);
    }

    /// @dev The key changes in the epoch that `counted` begins.
    function _rotate(uint8 index, address newKey, Census memory counted) private {
        address oldKey = _members[index].key;
        Membership memory found = _memberships[oldKey];
        _census = counted;
        _members[index].key = newKey;
        _memberships[oldKey].roles = 0;
        _memberships[newKey] = Membership(index, found.roles, counted.epoch, found.rolesSince);
        emit KeyRotated(index, oldKey, newKey, counted.epoch);
    }

    /// @dev A member has other roles: stores `counted` with what that changes.
    function _recount(Census memory counted, uint8 former, uint8 roles) private {
        counted.participants = counted.participants - (former & 1) + (roles & 1);
        counted.aggregators = counted.aggregators - (former >> 1 & 1) + (roles >> 1 & 1);
        counted.scorers = counted.scorers - (former >> 2) + (roles >> 2);
        _census = counted;
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert Consortium_NotOrigin(msg.sender, tx.origin);
    }

    function _requireBallots() private view {
        if (msg.sender != _ballots) revert Consortium_NotBallots(msg.sender);
    }

    function _requireRoles(uint8 roles) private pure {
        if (roles == 0 || roles > ALL_ROLES) revert Consortium_InvalidRoles(roles);
    }

    function _requireUnused(address key) private view {
        if (key == address(0)) revert Consortium_ZeroKey();
        if (_memberships[key].since != 0) revert Consortium_KeyUsed(key);
    }
}
