// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Released models
/// @notice What the members released, under which name, and which release of a name is the current one. Only what
/// `Ballots` carries out changes it, and a model that is convicted is current no more. A record is never changed: a release is revoked, or superseded by another version.
/// @dev Names and versions are ASCII text in one word, padded with zeros: 1 to 32 of a-z, 0-9, `.` and `-`, the first a
/// letter or digit. So they stand as they are in paths, pages and wallets.
interface IReleaseBoard {
    /// @notice A model as members use it.
    /// @param job number of the job, and `round` of its round, that finalised the model
    /// @param root tensor root of the model, as `RoundLedger` has it
    /// @param scores root of the scores of the updates that went into it, as `ScoreBoard` has it; zero leaves them out
    /// @param report SHA-256 of the evaluation report; zero where there is none
    struct Release {
        bytes32 name;
        bytes32 version;
        uint32 job;
        uint32 round;
        bytes32 root;
        bytes32 scores;
        bytes32 report;
    }

    /// @notice `release` is the name's current one from now on.
    event Released(
        bytes32 indexed release,
        bytes32 indexed name,
        bytes32 indexed version,
        uint32 job,
        uint32 round,
        bytes32 root,
        bytes32 scores,
        bytes32 report
    );
    /// @notice The release must be used no more. If it was its name's current one, the name has none now.
    event Revoked(bytes32 indexed release, bytes32 reason);
    /// @notice `release` is the name's current one again, in place of `previous` (zero: the name had none), which is named
    /// though its model be convicted.
    event RolledBack(bytes32 indexed release, bytes32 indexed previous);

    error ReleaseBoard_NotBallots(address caller);
    error ReleaseBoard_InvalidName(bytes32 name);
    error ReleaseBoard_NotFinalised(uint32 job, uint32 round, bytes32 root, bytes32 model);
    error ReleaseBoard_Convicted(uint32 job, uint32 round);
    error ReleaseBoard_WrongScores(uint32 job, uint32 round, bytes32 scores, bytes32 root);
    error ReleaseBoard_OtherLedger(address scores, address ledger);
    error ReleaseBoard_AlreadyReleased(bytes32 release);
    error ReleaseBoard_UnknownRelease(bytes32 release);
    error ReleaseBoard_AlreadyRevoked(bytes32 release);
    error ReleaseBoard_AlreadyCurrent(bytes32 release);

    /// @notice Records a release, and makes it its name's current one. For `Ballots` only, as are the next two.
    function publish(Release calldata release) external;

    /// @notice Takes a release out of use for good.
    function revoke(bytes32 name, bytes32 version, bytes32 reason) external;

    /// @notice Makes an earlier release, neither revoked nor convicted, its name's current one again.
    function rollBack(bytes32 name, bytes32 version) external;

    /// @notice Reverts where a release cannot be published: its name, its model (not finalised, or convicted), its scores, or
    /// that name and version are taken.
    function requireReleasable(Release calldata release) external view;

    /// @notice The name of a release's record: keccak256(abi.encode(name, version)).
    function idOf(bytes32 name, bytes32 version) external pure returns (bytes32 release);

    /// @notice A release, and whether it was revoked; reverts with `ReleaseBoard_UnknownRelease` for any other.
    function releaseOf(bytes32 release) external view returns (Release memory record, bool revoked);

    /// @notice The current release of a name; zero where it has none, or where its model is convicted or void.
    function currentOf(bytes32 name) external view returns (bytes32 release);

    /// @notice The ledger whose models are released here.
    function ledger() external view returns (address);

    /// @notice The board of the scores that releases name.
    function scores() external view returns (address);
}
