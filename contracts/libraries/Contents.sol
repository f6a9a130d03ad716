// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "../interfaces/IBallots.sol";
import {IReleaseBoard} from "../interfaces/IReleaseBoard.sol";
import {Actions} from "./Actions.sol";

/// @title Contents
/// @notice A proposal as wallets show it: a struct of EIP-712 for each kind, whose hash is the proposal's name.
/// @dev Names, versions, roles and reasons are text there, so that a member reads what it signs. No two actions of a
/// kind have the same text: nothing that is shown stands for anything else.
library Contents {
    bytes16 private constant DIGITS = "0123456789abcdef";

    /// @notice The hash of what is proposed; reverts unless `action` is of the shape of its kind.
    function hashOf(address proposer, uint32 nonce, IBallots.Kind kind, bytes memory action)
        internal
        pure
        returns (bytes32)
    {
        Actions.requireShape(kind, action);
        return keccak256(abi.encodePacked(_typeOf(kind), _fieldsOf(kind, action), abi.encode(proposer, nonce)));
    }

    /// @dev The action's words, with the hash of the text where one is shown.
    function _fieldsOf(IBallots.Kind kind, bytes memory action) private pure returns (bytes memory) {
        if (kind == IBallots.Kind.AdmitMember) {
            (address key, uint8 roles, bytes32[2] memory name) = abi.decode(action, (address, uint8, bytes32[2]));
            return abi.encode(key, _roles(roles), keccak256(_trimmed(abi.encodePacked(name))));
        }
        if (kind == IBallots.Kind.ChangeRoles) {
            (uint8 index, uint8 roles) = abi.decode(action, (uint8, uint8));
            return abi.encode(index, _roles(roles));
        }
        if (kind == IBallots.Kind.Release) {
            IReleaseBoard.Release memory one = abi.decode(action, (IReleaseBoard.Release));
            return abi.encode(_text(one.name), _text(one.version), one.job, one.round, one.root, one.scores, one.report);
        }
        if (kind == IBallots.Kind.Revoke) {
            (bytes32 name, bytes32 version, bytes32 reason) = abi.decode(action, (bytes32, bytes32, bytes32));
            return abi.encode(_text(name), _text(version), _reason(reason));
        }
        if (kind == IBallots.Kind.RollBack) {
            (bytes32 name, bytes32 version) = abi.decode(action, (bytes32, bytes32));
            return abi.encode(_text(name), _text(version));
        }
        return action;
    }

    function _typeOf(IBallots.Kind kind) private pure returns (bytes32) {
        if (kind == IBallots.Kind.AdmitMember) {
            return keccak256("AdmitMember(address key,string roles,string name,address proposer,uint32 nonce)");
        }
        if (kind == IBallots.Kind.RemoveMember) {
            return keccak256("RemoveMember(uint256 index,address proposer,uint32 nonce)");
        }
        if (kind == IBallots.Kind.ChangeRoles) {
            return keccak256("ChangeRoles(uint256 index,string roles,address proposer,uint32 nonce)");
        }
        if (kind == IBallots.Kind.ChangeRules) {
            return keccak256(
                "ChangeRules(uint256 majority,uint256 voteSeconds,uint256 delaySeconds,uint256 executeSeconds,"
                "address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.CloseJob) return keccak256("CloseJob(uint256 job,address proposer,uint32 nonce)");
        if (kind == IBallots.Kind.Release) {
            return keccak256(
                "Release(string name,string version,uint256 job,uint256 round,bytes32 root,bytes32 scores,"
                "bytes32 report,address proposer,uint32 nonce)"
            );
        }
        if (kind == IBallots.Kind.Revoke) {
            return keccak256("Revoke(string name,string version,string reason,address proposer,uint32 nonce)");
        }
        if (kind == IBallots.Kind.RollBack) {
            return keccak256("RollBack(string name,string version,address proposer,uint32 nonce)");
        }
        if (kind == IBallots.Kind.RewindJob) {
            return keccak256("RewindJob(uint256 job,uint256 round,address proposer,uint32 nonce)");
        }
        return keccak256("NameSuccessor(uint256 chain,address ledger,address proposer,uint32 nonce)");
    }

    /// @dev "participant, scorer".
    function _roles(uint8 roles) private pure returns (bytes32) {
        Actions.requireRoles(roles);
        bytes memory text;
        if (roles & 1 != 0) text = ", participant";
        if (roles & 2 != 0) text = abi.encodePacked(text, ", aggregator");
        if (roles & 4 != 0) text = abi.encodePacked(text, ", scorer");
        assembly ("memory-safe") {
            let length := sub(mload(text), 2)
            text := add(text, 2)
            mstore(text, length)
        }
        return keccak256(text);
    }

    /// @dev The text itself where the word is printable ASCII; else the digest, in hexadecimal.
    function _reason(bytes32 word) private pure returns (bytes32) {
        bytes memory text = _trimmed(abi.encodePacked(word));
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] < 0x20 || text[i] > 0x7e) return keccak256(_hexadecimal(word));
        }
        return keccak256(text);
    }

    function _hexadecimal(bytes32 word) private pure returns (bytes memory text) {
        text = new bytes(66);
        (text[0], text[1]) = ("0", "x");
        for (uint256 i = 0; i < 32; ++i) {
            text[2 + 2 * i] = DIGITS[uint8(word[i]) >> 4];
            text[3 + 2 * i] = DIGITS[uint8(word[i]) & 15];
        }
    }

    function _text(bytes32 word) private pure returns (bytes32) {
        return keccak256(_trimmed(abi.encodePacked(word)));
    }

    /// @dev Without the zeros at its end.
    function _trimmed(bytes memory padded) private pure returns (bytes memory) {
        uint256 length = padded.length;
        while (length > 0 && padded[length - 1] == 0) --length;
        assembly ("memory-safe") {
            mstore(padded, length)
        }
        return padded;
    }
}
