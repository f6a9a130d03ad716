// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "../interfaces/IBallots.sol";
import {AGAINST, FOR} from "./Polls.sol";

/// @title Signatures
/// @notice What members sign (EIP-712), and whether they did.
library Signatures {
    /// @dev Half the order of secp256k1: every signature has a twin above it.
    uint256 private constant LARGEST_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant BALLOT =
        keccak256("Ballot(bytes32 proposal,address member,string choice,uint64 deadline)");
    bytes32 private constant PROPOSAL =
        keccak256("Proposal(uint32 nonce,address member,string kind,bytes action,uint64 deadline)");

    /// @notice The domain of the calling contract. Not kept: after a fork the chain has another id.
    function domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("fedledger"), keccak256("1"), block.chainid, address(this)));
    }

    /// @notice What a member signs to vote.
    /// @dev keccak256(0x1901, domain, keccak256(abi.encode(ballot, proposal, member, said, deadline))), hashed in free
    /// memory: the compiler's copies would cost each vote 300 gas.
    function digestOfBallot(bytes32 domain_, bytes32 proposal, address member, uint8 choice, uint64 deadline)
        internal
        pure
        returns (bytes32 digest)
    {
        bytes32 said = keccak256("Abstain");
        if (choice == FOR) said = keccak256("For");
        else if (choice == AGAINST) said = keccak256("Against");
        (bytes32 ballot, uint256 key, uint256 time) = (BALLOT, uint160(member), deadline);
        assembly ("memory-safe") {
            let at := mload(64)
            mstore(at, ballot)
            mstore(add(at, 32), proposal)
            mstore(add(at, 64), key)
            mstore(add(at, 96), said)
            mstore(add(at, 128), time)
            let content := keccak256(at, 160)
            mstore(at, hex"1901")
            mstore(add(at, 2), domain_)
            mstore(add(at, 34), content)
            digest := keccak256(at, 66)
        }
    }

    /// @notice What a member signs to propose.
    function digestOfProposal(
        bytes32 domain_,
        uint32 nonce,
        address member,
        IBallots.Kind kind,
        bytes memory action,
        uint64 deadline
    ) internal pure returns (bytes32) {
        bytes32 content = keccak256(abi.encode(PROPOSAL, nonce, member, _nameOf(kind), keccak256(action), deadline));
        return keccak256(abi.encodePacked(hex"1901", domain_, content));
    }

    /// @notice Why the signature is not `member`'s of that digest, usable until `deadline`; or None.
    function refusalOf(bytes32 digest, address member, uint64 deadline, uint8 v, bytes32 r, bytes32 s)
        internal
        view
        returns (IBallots.Refusal)
    {
        if (block.timestamp > deadline) return IBallots.Refusal.SignatureExpired;
        if (uint256(s) > LARGEST_S || v < 27 || v > 28) return IBallots.Refusal.SignatureNotCanonical;
        address signer = ecrecover(digest, v, r, s);
        return signer != member || signer == address(0) ? IBallots.Refusal.WrongSigner : IBallots.Refusal.None;
    }

    function _nameOf(IBallots.Kind kind) private pure returns (bytes32) {
        if (kind == IBallots.Kind.AdmitMember) return keccak256("AdmitMember");
        if (kind == IBallots.Kind.RemoveMember) return keccak256("RemoveMember");
        if (kind == IBallots.Kind.ChangeRoles) return keccak256("ChangeRoles");
        if (kind == IBallots.Kind.ChangeRules) return keccak256("ChangeRules");
        if (kind == IBallots.Kind.CloseJob) return keccak256("CloseJob");
        if (kind == IBallots.Kind.Release) return keccak256("Release");
        if (kind == IBallots.Kind.Revoke) return keccak256("Revoke");
        if (kind == IBallots.Kind.RollBack) return keccak256("RollBack");
        return keccak256("NameSuccessor");
    }
}
