// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";

/// @title Consortium
/// @notice The founding members, their keys and roles; keys rotate, members stay.
/// @dev Active keys, and only they, have roles. A retired key keeps its `since`, so that it is never taken again.
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

    uint32 private _epoch = 1;
    Member[] private _members;
    mapping(address key => Membership membership) private _memberships;
    mapping(bytes32 rotation => mapping(address key => bool approved)) private _approved;

    /// @notice Founds the consortium: member i holds `keys[i]` and `roles[i]`.
    constructor(address[] memory keys, uint8[] memory roles) {
        uint256 members = keys.length;
        if (members < MINIMUM_MEMBERS) revert Consortium_TooFewMembers(members, MINIMUM_MEMBERS);
        if (members > MAXIMUM_MEMBERS) revert Consortium_TooManyMembers(members, MAXIMUM_MEMBERS);
        if (roles.length != members) revert Consortium_RolesMissing(members, roles.length);
        for (uint256 i = 0; i < members; ++i) {
            if (roles[i] == 0 || roles[i] > ALL_ROLES) revert Consortium_InvalidRoles(roles[i]);
            _requireUnused(keys[i]);
            _members.push(Member(keys[i], roles[i], 0));
            _memberships[keys[i]] = Membership(uint8(i), roles[i], _epoch);
            emit MemberAdmitted(uint8(i), keys[i], roles[i], _epoch);
        }
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
        if (index >= _members.length) revert Consortium_UnknownIndex(index);
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
    function epoch() external view returns (uint32) {
        return _epoch;
    }

    /// @inheritdoc IConsortium
    function count() public view returns (uint8) {
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
    function keyOf(uint8 index) external view returns (address) {
        if (index >= _members.length) revert Consortium_UnknownIndex(index);
        return _members[index].key;
    }

    /// @inheritdoc IConsortium
    function keysWith(uint8 roles) external view returns (address[] memory) {
        uint256 members = _members.length;
        address[] memory all = new address[](members);
        uint256 found = 0;
        for (uint256 i = 0; i < members; ++i) {
            Member memory member = _members[i];
            if (member.roles & roles == roles) all[found++] = member.key;
        }
        address[] memory keys = new address[](found);
        for (uint256 i = 0; i < found; ++i) {
            keys[i] = all[i];
        }
        return keys;
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

    function _requireUnused(address key) private view {
        if (key == address(0)) revert Consortium_ZeroKey();
        if (_memberships[key].since != 0) revert Consortium_KeyUsed(key);
    }
}
