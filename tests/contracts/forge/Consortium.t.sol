// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {IConsortium} from "../../../contracts/interfaces/IConsortium.sol";
import {Bits} from "../../../contracts/libraries/Bits.sol";
import {Base} from "./Base.sol";

/// @dev Counters and bitmaps after any changes, compared with what is counted member by member.
contract ConsortiumTest is Base {
    Consortium private consortium;

    function setUp() public {
        address[] memory keys = new address[](5);
        uint8[] memory roles = new uint8[](5);
        for (uint256 i = 0; i < 5; ++i) {
            (keys[i], roles[i]) = (keyOf(i), uint8(1 + i));
        }
        consortium = Consortium(create("Consortium", abi.encode(keys, roles, new bytes32[2][](5), address(this))));
    }

    function testFuzz_TheCensusFollowsEveryChange(uint256[16] calldata changes) public {
        for (uint256 i = 0; i < changes.length; ++i) {
            uint256 what = changes[i] % 4;
            uint8 index = uint8(changes[i] >> 8) % (consortium.admitted() + 1);
            uint8 roles = uint8(changes[i] >> 16) % 9;
            if (what == 0) _try(abi.encodeCall(consortium.admit, (keyOf(100 + i), roles, delta())));
            else if (what == 1) _try(abi.encodeCall(consortium.remove, (index)));
            else if (what == 2) _try(abi.encodeCall(consortium.changeRoles, (index, roles)));
            else _rotate(index, keyOf(200 + i));
            _requireCounted();
        }
    }

    function testFuzz_OnesAreCounted(uint256 bits) public pure {
        check(Bits.ones(bits >> 1) == ones(bits >> 1), "ones");
        check(Bits.ones(type(uint256).max >> 1) == 255, "all");
    }

    /// @dev A recovery is carried out by exactly a majority of those who are members by then.
    function testFuzz_AMajorityOfTheActiveReplacesAKey(uint256 order, bool leaves) public {
        address fresh = keyOf(300);
        uint256 approvals = 0;
        for (uint8 turn = 0; turn < 4; ++turn) {
            uint8 index = uint8((order % 4 + turn) % 4);
            prank(keyOf(index));
            consortium.approveRotation(4, fresh);
            ++approvals;
            if (turn == 0 && leaves) {
                consortium.remove(index);
                --approvals;
            }
            bool replaced = consortium.keyOf(4) == fresh;
            check(replaced == (approvals >= consortium.majority()), "replaced");
            if (replaced) break;
        }
        check(consortium.census().recoveries == 1, "recoveries");
    }

    function test_AContractSaysNothing() public {
        bytes[3] memory calls = [
            abi.encodeCall(IConsortium.rotateKey, (keyOf(9))),
            abi.encodeCall(IConsortium.approveRotation, (1, keyOf(9))),
            abi.encodeCall(IConsortium.announce, ("gateway"))
        ];
        bytes memory expected =
            abi.encodeWithSelector(IConsortium.Consortium_NotOrigin.selector, keyOf(0), address(0xbad));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(keyOf(0), address(0xbad));
            (bool done, bytes memory reason) = address(consortium).call(calls[i]);
            check(!done && keccak256(reason) == keccak256(expected), "not refused");
        }
    }

    /// @dev It may fail, as the call may be wrong.
    function _try(bytes memory call) private returns (bool done) {
        (done,) = address(consortium).call(call);
    }

    function _rotate(uint8 index, address newKey) private {
        try consortium.keyOf(index) returns (address key) {
            IConsortium.Membership memory was = consortium.membership(key);
            prank(key);
            consortium.rotateKey(newKey);
            IConsortium.Membership memory found = consortium.membership(newKey);
            check(found.rolesSince == was.rolesSince && found.roles == was.roles, "roles");
            check(found.since == consortium.epoch() && found.index == index, "key");
        } catch {}
    }

    function _requireCounted() private view {
        IConsortium.Census memory census = consortium.census();
        uint256 active = 0;
        uint256[3] memory holders;
        for (uint8 i = 0; i < consortium.admitted(); ++i) {
            try consortium.keyOf(i) returns (address key) {
                active |= 1 << i;
                uint8 roles = consortium.membership(key).roles;
                for (uint256 bit = 0; bit < 3; ++bit) {
                    holders[bit] += roles >> bit & 1;
                }
            } catch {}
        }
        check(active == consortium.active() && census.members == ones(active), "members");
        check(census.participants == holders[0] && census.aggregators == holders[1], "participants, aggregators");
        check(census.scorers == holders[2] && census.recoveries == 0, "scorers");
    }
}
