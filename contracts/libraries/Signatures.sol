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

    /// @notice The domain of the calling contract. Not kept: after a fork the chain has another id.
    function domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("fedledger"), keccak256("1"), block.chainid, address(this)));
    }

    /// @notice What a member signs to vote on a proposal of a kind, whose type is `vote`. The proposal's name is the hash
    /// of the struct that stands in it, so nothing but that proposal can have been shown.
    /// @dev keccak256(0x1901, domain, keccak256(abi.encode(vote, said, proposal, member, deadline))), hashed in free
    /// memory: the compiler's copies would cost each vote 300 gas.
    function digestOfVote(
        bytes32 domain_,
        bytes32 vote,
        bytes32 proposal,
        address member,
        uint8 choice,
        uint64 deadline
    ) internal pure returns (bytes32 digest) {
        bytes32 said = keccak256("Abstain");
        if (choice == FOR) said = keccak256("For");
        else if (choice == AGAINST) said = keccak256("Against");
        (uint256 key, uint256 time) = (uint160(member), deadline);
        assembly ("memory-safe") {
            let at := mload(64)
            mstore(at, vote)
            mstore(add(at, 32), said)
            mstore(add(at, 64), proposal)
            mstore(add(at, 96), key)
            mstore(add(at, 128), time)
            let content := keccak256(at, 160)
            mstore(at, hex"1901")
            mstore(add(at, 2), domain_)
            mstore(add(at, 34), content)
            digest := keccak256(at, 66)
        }
    }

    /// @notice What a member signs to propose what has the name `proposal`: its key is in the name.
    function digestOfProposal(bytes32 domain_, IBallots.Kind kind, bytes32 proposal, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32 content = keccak256(abi.encode(_typeOfProposal(kind), proposal, deadline));
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

    /// @notice The type of a vote on a proposal of that kind: it shows the choice, and what is proposed. `None` has none.
    function typeOfVote(IBallots.Kind kind) internal pure returns (bytes32) {
        if (kind == IBallots.Kind.AdmitMember) {
            return keccak256(
                "Vote(string choice,AdmitMember admitMember,address member,uint64 deadline)"
                "AdmitMember(address key,string roles,string name,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RemoveMember) {
            return keccak256(
                "Vote(string choice,RemoveMember removeMember,address member,uint64 deadline)"
                "RemoveMember(uint256 index,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.ChangeRoles) {
            return keccak256(
                "Vote(string choice,ChangeRoles changeRoles,address member,uint64 deadline)"
                "ChangeRoles(uint256 index,string roles,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.ChangeRules) {
            return keccak256(
                "Vote(string choice,ChangeRules changeRules,address member,uint64 deadline)"
                "ChangeRules(uint256 majority,uint256 voteSeconds,uint256 delaySeconds,"
                "uint256 executeSeconds,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.CloseJob) {
            return keccak256(
                "Vote(string choice,CloseJob closeJob,address member,uint64 deadline)"
                "CloseJob(uint256 job,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.Release) {
            return keccak256(
                "Vote(string choice,Release release,address member,uint64 deadline)"
                "Release(string name,string version,uint256 job,uint256 round,bytes32 root,"
                "bytes32 scores,bytes32 report,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.Revoke) {
            return keccak256(
                "Vote(string choice,Revoke revoke,address member,uint64 deadline)"
                "Revoke(string name,string version,string reason,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RollBack) {
            return keccak256(
                "Vote(string choice,RollBack rollBack,address member,uint64 deadline)"
                "RollBack(string name,string version,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.NameSuccessor) {
            return keccak256(
                "Vote(string choice,NameSuccessor nameSuccessor,address member,uint64 deadline)"
                "NameSuccessor(uint256 chain,address ledger,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RewindJob) {
            return keccak256(
                "Vote(string choice,RewindJob rewindJob,address member,uint64 deadline)"
                "RewindJob(uint256 job,uint256 round,address proposer,uint32 nonce)"
            );
        }
        revert IBallots.Ballots_InvalidAction(kind, "");
    }

    function _typeOfProposal(IBallots.Kind kind) private pure returns (bytes32) {
        if (kind == IBallots.Kind.AdmitMember) {
            return keccak256(
                "Proposal(AdmitMember admitMember,uint64 deadline)"
                "AdmitMember(address key,string roles,string name,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RemoveMember) {
            return keccak256(
                "Proposal(RemoveMember removeMember,uint64 deadline)"
                "RemoveMember(uint256 index,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.ChangeRoles) {
            return keccak256(
                "Proposal(ChangeRoles changeRoles,uint64 deadline)"
                "ChangeRoles(uint256 index,string roles,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.ChangeRules) {
            return keccak256(
                "Proposal(ChangeRules changeRules,uint64 deadline)"
                "ChangeRules(uint256 majority,uint256 voteSeconds,uint256 delaySeconds,"
                "uint256 executeSeconds,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.CloseJob) {
            return keccak256(
                "Proposal(CloseJob closeJob,uint64 deadline)"
                "CloseJob(uint256 job,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.Release) {
            return keccak256(
                "Proposal(Release release,uint64 deadline)"
                "Release(string name,string version,uint256 job,uint256 round,bytes32 root,"
                "bytes32 scores,bytes32 report,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.Revoke) {
            return keccak256(
                "Proposal(Revoke revoke,uint64 deadline)"
                "Revoke(string name,string version,string reason,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RollBack) {
            return keccak256(
                "Proposal(RollBack rollBack,uint64 deadline)"
                "RollBack(string name,string version,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.RewindJob) {
            return keccak256(
                "Proposal(RewindJob rewindJob,uint64 deadline)"
                "RewindJob(uint256 job,uint256 round,address proposer,uint32 nonce)"
            );
        }
        return keccak256(
            "Proposal(NameSuccessor nameSuccessor,uint64 deadline)"
            "NameSuccessor(uint256 chain,address ledger,address proposer,uint32 nonce)"
        );
    }
}
