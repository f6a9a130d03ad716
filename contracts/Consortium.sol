// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";

/// @title Consortium
/// @notice The members, their keys and roles.
/// @dev Active keys, and only they, have roles. A retired key keeps its `since`, so that it is never taken again. A
/// member that was removed has no key.
contract Consortium is IConsortium {
    /// @param recoveries how often the other members replaced the key; approvals are bound to it
    struct Member {
        address key;
        uint8 roles;
        uint32 recoveries;
    }

    uint256 private constant MINIMUM_MEMBERS = 3;
    uint256 private constant MAXIMUM_MEMBERS = 255;
    uint256 private constant MAXIMUM_GATEWAY = 256;
    uint8 private constant ALL_ROLES = 7;

    address private immutable _ballots;

    uint32 private _epoch = 1;
    uint8 private _count;
    Successor private _successor;
    Member[] private _members;
    mapping(address key => Membership membership) private _memberships;
    mapping(bytes32 rotation => mapping(address key => bool approved)) private _approved;

    /// @notice Founds the consortium: member i holds `keys[i]` and `roles[i]`; later changes come from `ballots_`.
    constructor(address[] memory keys, uint8[] memory roles, address ballots_) {
        uint256 members = keys.length;
        if (members < MINIMUM_MEMBERS) revert Consortium_TooFewMembers(members, MINIMUM_MEMBERS);
        if (members > MAXIMUM_MEMBERS) revert Consortium_TooManyMembers(members, MAXIMUM_MEMBERS);
        if (roles.length != members) revert Consortium_RolesMissing(members, roles.length);
        for (uint256 i = 0; i < members; ++i) {
            _admit(keys[i], roles[i]);
        }
        _ballots = ballots_;
    }

    /// @inheritdoc IConsortium
    function rotateKey(address newKey) external {
        uint8 index = membership(msg.sender).index;
        _requireUnused(newKey);
        _rotate(index, newKey);
    }

    /// @inheritdoc IConsortium
    function approveRotation(uint8 index, address newKey) external {
        uint8 member = membership(msg.sender).index;
        keyOf(index);
        _requireUnused(newKey);
        bytes32 rotation = keccak256(abi.encode(index, _members[index].recoveries, newKey));
        if (_approved[rotation][msg.sender]) revert Consortium_AlreadyApproved(index, newKey, member);

        _approved[rotation][msg.sender] = true;
        uint8 approvals = 0;
        for (uint256 i = 0; i < _members.length; ++i) {
            if (_approved[rotation][_members[i].key]) ++approvals;
        }
        emit RotationApproved(index, newKey, member, approvals);
        if (approvals < majority()) return;
        ++_members[index].recoveries;
        _rotate(index, newKey);
    }

    /// @inheritdoc IConsortium
    function announce(string calldata gateway) external {
        uint8 index = membership(msg.sender).index;
        uint256 length = bytes(gateway).length;
        if (length > MAXIMUM_GATEWAY) revert Consortium_GatewayTooLong(length, MAXIMUM_GATEWAY);
        emit Announced(index, gateway);
    }

    /// @inheritdoc IConsortium
    function admit(address key, uint8 roles) external {
        _requireBallots();
        if (_members.length == MAXIMUM_MEMBERS) {
            revert Consortium_TooManyMembers(_members.length + 1, MAXIMUM_MEMBERS);
        }
        ++_epoch;
        _admit(key, roles);
    }

    /// @inheritdoc IConsortium
    function remove(uint8 index) external {
        _requireBallots();
        address key = keyOf(index);
        if (_count == MINIMUM_MEMBERS) revert Consortium_TooFewMembers(_count - 1, MINIMUM_MEMBERS);
        ++_epoch;
        --_count;
        delete _members[index];
        _memberships[key].roles = 0;
        emit MemberRemoved(index, key, _epoch);
    }

    /// @inheritdoc IConsortium
    function changeRoles(uint8 index, uint8 roles) external {
        _requireBallots();
        address key = keyOf(index);
        _requireRoles(roles);
        ++_epoch;
        _members[index].roles = roles;
        _memberships[key].roles = roles;
        emit RolesChanged(index, roles, _epoch);
    }

    /// @inheritdoc IConsortium
    function nameSuccessor(uint64 chain, address ledger) external {
        _requireBallots();
        _successor = Successor(chain, ledger);
        emit SuccessorNamed(chain, ledger);
    }

    /// @inheritdoc IConsortium
    function epoch() external view returns (uint32) {
        return _epoch;
    }

    /// @inheritdoc IConsortium
    function count() public view returns (uint8) {
        return _count;
    }

    /// @inheritdoc IConsortium
    function admitted() external view returns (uint8) {
        return uint8(_members.length);
    }

    /// @inheritdoc IConsortium
    function majority() public view returns (uint8) {
        return count() / 2 + 1;
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
        if (index < _members.length) key = _members[index].key;
        if (key == address(0)) revert Consortium_UnknownIndex(index);
    }

    /// @inheritdoc IConsortium
    function keysWith(uint8 roles) external view returns (address[] memory) {
        uint256 members = _members.length;
        address[] memory all = new address[](members);
        uint256 found = 0;
        for (uint256 i = 0; i < members; ++i) {
            Member memory member = _members[i];
            if (member.key != address(0) && member.roles & roles == roles) all[found++] = member.key;
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
    function _admit(address key, uint8 roles) private {
        _requireRoles(roles);
        _requireUnused(key);
        uint8 index = uint8(_members.length);
        ++_count;
        _members.push(Member(key, roles, 0));
        _memberships[key] = Membership(index, roles, _epoch);
        emit MemberAdmitted(index, key, roles, _epoch);
    }

    function _rotate(uint8 index, address newKey) private {
        Member storage member = _members[index];
        address oldKey = member.key;
        ++_epoch;
        member.key = newKey;
        _memberships[oldKey].roles = 0;
        _memberships[newKey] = Membership(index, member.roles, _epoch);
        emit KeyRotated(index, oldKey, newKey, _epoch);
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
