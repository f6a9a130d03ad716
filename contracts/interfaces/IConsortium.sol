// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The members of a consortium, their keys and their roles
/// @notice Members are numbered from 0 in the order of admission; an index is never reused, so that 255 are admitted at
/// most, ever. At least 3 are active. Every change of members, roles or keys starts a new epoch. A round, or a proposal,
/// takes its electorate from the epoch in which it was opened.
/// @dev Roles are bits: 1 participant, 2 aggregator, 4 scorer; at least one. Every active member attests and votes. A
/// role that was lost is gone at once; one that was gained waits for what is opened after it, since what is open counted
/// who had it: act in a role only where neither `since` nor `rolesSince` is past the epoch of what one acts in.
interface IConsortium {
    /// @notice What the consortium knows of one key.
    /// @param index number of the member that holds the key
    /// @param roles the member's roles, as bits
    /// @param since first epoch in which the key speaks for the member
    /// @param rolesSince epoch of the member's latest change of roles, or of its admission; a new key does not change it
    struct Membership {
        uint8 index;
        uint8 roles;
        uint32 since;
        uint32 rolesSince;
    }

    /// @notice What the consortium counts, in one word.
    /// @param epoch number of the current epoch; the founding epoch is 1
    /// @param recoveries how often members replaced another's key, over all members
    /// @param members how many members are active
    /// @param participants how many of them have the role; so the next two
    struct Census {
        uint32 epoch;
        uint32 recoveries;
        uint8 members;
        uint8 participants;
        uint8 aggregators;
        uint8 scorers;
    }

    /// @notice Where the consortium goes on: a ledger's address on the chain with this id; zero until one is named.
    struct Successor {
        uint64 chain;
        address ledger;
    }

    /// @notice A member joined with `key`, `roles` and `name`; the change took effect with `epoch`.
    /// @dev A name is UTF-8, filled up with zeros. It is kept in the log only, and nothing here depends on what it says.
    event MemberAdmitted(uint8 indexed index, address indexed key, uint8 roles, uint32 epoch, bytes32[2] name);
    /// @notice The member left; its key speaks for nobody from `epoch` on.
    event MemberRemoved(uint8 indexed index, address indexed key, uint32 epoch);
    event RolesChanged(uint8 indexed index, uint8 roles, uint32 epoch);
    /// @notice The members decided to go on with another ledger; this one stays as it is.
    event SuccessorNamed(uint64 chain, address indexed ledger);
    /// @notice The member's old key was replaced, by itself or by a majority of the members.
    event KeyRotated(uint8 indexed index, address indexed oldKey, address indexed newKey, uint32 epoch);
    /// @notice A member asked, or agreed, that `index` continue with `newKey`.
    event RotationApproved(uint8 indexed index, address indexed newKey, uint8 indexed member, uint8 approvals);
    /// @notice A member said where its content store can be read (a trustless gateway's address).
    event Announced(uint8 indexed index, string gateway);

    error Consortium_TooFewMembers(uint256 members, uint256 minimum);
    error Consortium_TooManyMembers(uint256 members, uint256 maximum);
    error Consortium_RolesMissing(uint256 keys, uint256 roles);
    error Consortium_NamesMissing(uint256 keys, uint256 names);
    error Consortium_InvalidRoles(uint8 roles);
    error Consortium_NotBallots(address caller);
    error Consortium_NotOrigin(address caller, address origin);
    error Consortium_NotMember(address key);
    error Consortium_UnknownIndex(uint8 index);
    error Consortium_KeyUsed(address key);
    error Consortium_ZeroKey();
    error Consortium_AlreadyApproved(uint8 index, address newKey, uint8 member);
    error Consortium_GatewayTooLong(uint256 length, uint256 maximum);

    /// @notice Replaces the caller's own key by `newKey`, which must never have been used here. This call and the next two
    /// take no contract's word: the caller must be the transaction's signer.
    function rotateKey(address newKey) external;

    /// @notice Approves that member `index`, whose key is lost or stolen, continue with `newKey`.
    /// A majority of the members carries it out.
    /// @dev An approval is the member's, not its key's: it counts while the member is active, until the others replace
    /// the key of `index`. No epoch ends it: a thief who rotates a stolen key would prevent its recovery forever.
    function approveRotation(uint8 index, address newKey) external;

    /// @notice Publishes where the caller's content store can be read; at most 256 bytes, kept in the log only.
    function announce(string calldata gateway) external;

    /// @notice Admits `key`, never used before, as the next member. For `Ballots` only, as are the next three.
    function admit(address key, uint8 roles, bytes32[2] calldata name) external;

    /// @notice Removes member `index`. Three members remain, always.
    function remove(uint8 index) external;

    /// @notice Gives member `index` other roles. Its key keeps its `since`.
    function changeRoles(uint8 index, uint8 roles) external;

    /// @notice Records where the consortium goes on. The latest counts.
    function nameSuccessor(uint64 chain, address ledger) external;

    /// @notice What is counted, in one word.
    function census() external view returns (Census memory);

    /// @notice Who is active: bit i is member i's.
    function active() external view returns (uint256);

    /// @notice Number of the current epoch; the founding epoch is 1.
    function epoch() external view returns (uint32);

    /// @notice How many members are active.
    function count() external view returns (uint8);

    /// @notice How many members were ever admitted: the index that the next one gets.
    function admitted() external view returns (uint8);

    /// @notice The smallest number of members that is more than half of them.
    function majority() external view returns (uint8);

    /// @notice The membership of an active key; reverts with `Consortium_NotMember` for any other.
    function membership(address key) external view returns (Membership memory);

    /// @notice The same, but for a key that is not active the roles are 0.
    function standingOf(address key) external view returns (uint8 index, uint8 roles, uint32 since);

    /// @notice The current key of member `index`; reverts for an index that no active member has.
    function keyOf(uint8 index) external view returns (address);

    /// @notice The current keys of all active members that hold every bit of `roles`, by ascending index. It costs 4,200
    /// gas for each member ever admitted: for reading off chain.
    function keysWith(uint8 roles) external view returns (address[] memory);

    /// @notice The contract through which members decide on changes.
    function ballots() external view returns (address);

    /// @notice The ledger named last to follow this one.
    function successor() external view returns (Successor memory);
}
