// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ballots} from "../../../contracts/Ballots.sol";
import {Consortium} from "../../../contracts/Consortium.sol";
import {ReleaseBoard} from "../../../contracts/ReleaseBoard.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IBallots} from "../../../contracts/interfaces/IBallots.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";

/// @dev The cheat codes in use.
interface Vm {
    function prank(address sender) external;
    function prank(address sender, address origin) external;
    function warp(uint256 time) external;
    function chainId(uint256 id) external;
    function load(address account, bytes32 slot) external view returns (bytes32 word);
    function expectRevert(bytes calldata reason) external;
    function assume(bool condition) external;
    function getNonce(address account) external view returns (uint64);
    function roll(uint256 number) external;
    function getBlockNumber() external view returns (uint256);
    function getBlockTimestamp() external view returns (uint256);
    function snapshotState() external returns (uint256 state);
    function revertToState(uint256 state) external returns (bool reverted);
    function mockCall(address target, bytes calldata call, bytes calldata answer) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function etch(address target, bytes calldata code) external;
    function readFile(string calldata path) external view returns (string memory);
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function parseJsonBool(string calldata json, string calldata path) external pure returns (bool);
    function parseJsonUint(string calldata json, string calldata path) external pure returns (uint256);
    function parseJsonString(string calldata json, string calldata path) external pure returns (string memory);
    function parseJsonAddress(string calldata json, string calldata path) external pure returns (address);
    function deployCode(string calldata artifact, bytes calldata arguments) external returns (address);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function addr(uint256 secret) external pure returns (address);
    function sign(uint256 secret, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
}

/// @dev Keys, a consortium of them, and a ledger with one open job.
abstract contract Base {
    struct Update {
        address party;
        uint32 weight;
        bytes32 root;
        bytes32 cid;
        bytes16 salt;
    }

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint8 internal constant PARTICIPANT = 1;
    uint8 internal constant AGGREGATOR = 2;
    uint8 internal constant ALL = 7;

    function terms() internal view virtual returns (IRoundLedger.Terms memory) {
        return IRoundLedger.Terms({
            rounds: type(uint32).max,
            updateSeconds: 100,
            openSeconds: 40,
            aggregateSeconds: 50,
            attestSeconds: 80,
            attempts: 2,
            scoreSeconds: 60,
            revealSeconds: 40,
            scorers: 2,
            buffer: 0
        });
    }

    function model() internal pure returns (IRoundLedger.Model memory) {
        return IRoundLedger.Model({
            initial: "initial",
            values: 10,
            rule: 0,
            trim: 0,
            minUpdates: 2,
            maxWeight: 100,
            maxValue: 100,
            maxNorm: 1000,
            byValue: true
        });
    }

    function rules() internal pure returns (IBallots.Rules memory) {
        return IBallots.Rules({
            majority: 5000, voteSeconds: 100, delaySeconds: 10, executeSeconds: 50
        });
    }

    /// @dev The next call is a transaction of this key.
    /// @dev Nobody's key, from which anybody's calls come.
    address internal constant STRANGER = address(0x57a9);

    function prank(address key) internal {
        vm.prank(key, key);
    }

    /// @dev Refused where it comes through a contract, or from an account with code of its own or delegated.
    function requirePlain(address target, bytes memory call, bytes4 reason) internal {
        _requireRefusal(target, call, keyOf(1), reason);
        vm.etch(STRANGER, hex"00");
        _requireRefusal(target, call, STRANGER, reason);
        vm.etch(STRANGER, "");
    }

    function _requireRefusal(address target, bytes memory call, address origin, bytes4 reason) private {
        vm.prank(STRANGER, origin);
        (bool succeeded, bytes memory said) = target.call(call);
        check(!succeeded, "taken");
        check(keccak256(said) == keccak256(abi.encodeWithSelector(reason, STRANGER, origin)), "for another reason");
    }

    function keyOf(uint256 i) internal pure returns (address) {
        return address(uint160(0x10000 + i));
    }

    /// @dev Members hold `keyOf(0)` and up, and all roles; job 1 is open.
    function found(uint256 members) internal returns (Consortium consortium, RoundLedger ledger) {
        address[] memory keys = new address[](members);
        for (uint256 i = 0; i < members; ++i) {
            keys[i] = keyOf(i);
        }
        (consortium, ledger,,) = deploy(keys);
        prank(keys[0]);
        ledger.proposeJob("job", terms(), model());
        for (uint256 i = 1; i < consortium.majority(); ++i) {
            prank(keys[i]);
            ledger.approveJob(1, "job");
        }
    }

    /// @dev All contracts, for members that hold these keys and all roles.
    function deploy(address[] memory keys)
        internal
        returns (Consortium consortium, RoundLedger ledger, ReleaseBoard releases, Ballots ballots)
    {
        uint8[] memory roles = new uint8[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            roles[i] = ALL;
        }
        uint256 nonce = vm.getNonce(address(this));
        address named = vm.computeCreateAddress(address(this), nonce + 4);
        address judge = vm.computeCreateAddress(address(this), nonce + 5);
        consortium = Consortium(create("Consortium", abi.encode(keys, roles, new bytes32[2][](keys.length), named)));
        ledger = RoundLedger(create("RoundLedger", abi.encode(consortium, judge)));
        address scores = create("ScoreBoard", abi.encode(ledger));
        releases = ReleaseBoard(create("ReleaseBoard", abi.encode(ledger, scores)));
        ballots = Ballots(create("Ballots", abi.encode(consortium, ledger, releases, rules())));
        create("AggregateCourt", abi.encode(ledger));
    }

    function delta() internal pure returns (bytes32[2] memory) {
        return [bytes32("Delta"), 0];
    }

    /// @dev What Hardhat built, which is what is committed: forge compiles no contract.
    function create(string memory name, bytes memory arguments) internal returns (address) {
        string memory artifact = string.concat("build/hardhat/artifacts/contracts/", name, ".sol/", name, ".json");
        return vm.deployCode(artifact, arguments);
    }

    /// @dev An update of this party, and all that is in it.
    function updateOf(address party, bytes32 root) internal pure returns (Update memory) {
        return Update({party: party, weight: 1, root: root, cid: ~root, salt: bytes16(keccak256(abi.encode(party, root)))});
    }

    /// @dev What its party commits to, from nothing of the contract's.
    function sealOf(RoundLedger ledger, uint32 job, uint32 round, Update memory update) internal view returns (bytes28) {
        bytes32 domain =
            keccak256(abi.encode(keccak256("fedledger/update/3"), block.chainid, address(ledger), job, round));
        return bytes28(
            keccak256(abi.encode(domain, update.party, update.weight, update.root, update.cid, update.salt))
        );
    }

    /// @dev Its opening, as the contract takes it.
    function opening(Update memory update) internal pure returns (bytes memory) {
        return abi.encodePacked(update.party, update.weight, update.root, update.cid, update.salt);
    }

    /// @dev What the ledger takes next in this job, as of the block before this one.
    function aggregateOf(RoundLedger ledger, uint32 job, bytes32 root)
        internal
        view
        returns (IRoundLedger.Aggregate memory aggregate)
    {
        uint24 latest = ledger.courseOf(job).latest;
        aggregate.base = latest == 0 ? ledger.modelTermsOf(job).initial : ledger.modelOf(job, latest);
        aggregate.root = root;
        aggregate.cid = root == 0 ? root : ~root;
        aggregate.asOf = uint40(vm.getBlockNumber() - 1);
        aggregate.anchor = blockhash(aggregate.asOf);
        aggregate.head = keccak256(abi.encode(root));
        aggregate.receipts = "receipts";
        if (root != 0) aggregate.carried = "carried";
        aggregate.verdicts = new bytes(ledger.roundOf(job).opened);
    }

    /// @dev What that claims of the job's present round.
    function claimNow(RoundLedger ledger, uint32 job, IRoundLedger.Aggregate memory aggregate)
        internal
        view
        returns (bytes32)
    {
        return ledger.claimOf(job, ledger.roundOf(job).round, ledger.openedOf(job), aggregate);
    }

    /// @dev The next round of a job, finalised by the first members, with one update of each for each verdict.
    function play(Consortium consortium, RoundLedger ledger, uint32 job, bytes32 root, bytes memory verdicts)
        internal
        returns (uint32 round, IRoundLedger.Aggregate memory aggregate)
    {
        prank(consortium.keyOf(0));
        ledger.openRound(job);
        round = ledger.roundOf(job).round;
        bytes memory openings;
        for (uint8 i = 0; i < verdicts.length; ++i) {
            Update memory update = updateOf(consortium.keyOf(i), keccak256(abi.encode(round, i)));
            prank(update.party);
            ledger.commitUpdate(job, round, sealOf(ledger, job, round, update));
            openings = bytes.concat(openings, opening(update));
        }
        if (ledger.roundOf(job).phase == IRoundLedger.Phase.Collecting) vm.warp(ledger.roundOf(job).deadline + 1);
        prank(STRANGER);
        ledger.openUpdates(job, round, openings);
        vm.roll(vm.getBlockNumber() + 1);
        aggregate = aggregateOf(ledger, job, root);
        aggregate.verdicts = verdicts;
        bytes32 claim = claimNow(ledger, job, aggregate);
        prank(consortium.keyOf(0));
        ledger.publishAggregate(job, round, aggregate, claim);
        for (uint8 i = 1; i < consortium.majority(); ++i) {
            prank(consortium.keyOf(i));
            ledger.attest(job, round, 1, IRoundLedger.Form.Agree, claim, 0);
        }
    }

    /// @dev The hash of a key's scores, of those from byte `start` on: chunks of 32 scores, from the last to the first.
    function hashOf(address key, bytes memory scores, uint256 start) internal pure returns (bytes32 hash) {
        hash = bytes32(uint256(uint160(key)));
        for (uint256 end = scores.length; end > start;) {
            uint256 size = (end - 1) % 128 + 1;
            end -= size;
            hash = keccak256(bytes.concat(slice(scores, end, end + size), hash));
        }
    }

    /// @dev A part of a key's scores, by bytes, and the hash of those after it: as `settleScores` takes them.
    function rangeOf(address key, bytes memory scores, uint256 start, uint256 end) internal pure returns (bytes memory) {
        return bytes.concat(slice(scores, start, end), hashOf(key, scores, end));
    }

    function slice(bytes memory whole, uint256 start, uint256 end) internal pure returns (bytes memory part) {
        part = new bytes(end - start);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = whole[start + i];
        }
    }

    function ones(uint256 bits) internal pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }

    function check(bool holds, string memory what) internal pure {
        require(holds, what);
    }
}
