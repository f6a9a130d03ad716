"""What findings mean, in a sentence each, for people (docs/spec/bundle.md, "Verdict")."""

MEANINGS: dict[str, str] = {
    "BUNDLE CAR": "The file is cut off, changed, or not a bundle: its block {value} is in no form",
    "BUNDLE BLOCK": "The file was changed: its block {value} does not have its digest",
    "BUNDLE REPEATED": "The file has its block {value} twice",
    "BUNDLE MANIFEST": "The first block is not a manifest",
    "BUNDLE NETWORK": "It is of another network than the one given",
    "BUNDLE KEY": "Key {value} is not a point of the curve, or there twice",
    "BUNDLE PAGE": "Page {value} is not there, or not in its form",
    "BUNDLE TRANSACTION": "Entry {value} is not a transaction of this ledger in its one form",
    "BUNDLE CALL": "The call of entry {value} does not belong in a bundle, or is none that the contract takes",
    "BUNDLE ORDER": "Entry {value} is out of order",
    "BUNDLE SIGNATURE": "Entry {value} is not signed by the key that it names",
    "BUNDLE REFUSED": "The contracts' rules refuse entry {value}",
    "SCOPE EMPTY": "There is nothing of this scope to check",
    "SCOPE BYTES": "No bytes were looked at: the bundle has none",
    "SCOPE MORE": "There are {value} more findings of one kind than are listed",
    "REPLAY GAP": "Entry {value} changed the ledger and shows no statement",
    "REPLAY UNREPLAYED": "Entry {value} was passed over: after a gap, the rules refuse it as far as they are known",
    "REPLAY UNCOUNTED": "Entry {value} rewinds a job, or convicts a model, and is taken at its word",
    "JOB MISSING": "The job's document is not there",
    "JOB DOCUMENT": "The job's document cannot be read",
    "JOB TERMS": "The ledger says otherwise than the job's document (place {value})",
    "JOB UNSUPPORTED": "Rounds of such a job are not recomputed here",
    "ADMISSION MISSING": "Bytes of member {value}'s update are not to be had",
    "ADMISSION UNAVAILABLE": "Member {value}'s update is called unavailable; who signed to hold it was not checked",
    "ADMISSION VERDICT": "The verdict on member {value}'s update is another",
    "AGGREGATE BASE": "The model that the round builds on is not to be had, or not in order",
    "AGGREGATE BYTES": "The round was not judged: the rounds name more bytes than a file of this length may",
    "AGGREGATE ROOT": "The model's root is another",
    "AGGREGATE CID": "The model's root is right, its CID is another",
    "AGGREGATE CARRIED": "The model is right, and it carries something that it must not",
    "CONVICTION FALSE": "Conviction {value} convicts nobody",
    "CONVICTION VALUE": "Value {value} of the model does not recompute",
    "CONVICTION LIMIT": "An admitted update has a value above the limit (value {value})",
    "CONVICTION WEIGHT": "The weight of member {value}'s update was judged wrongly",
    "CONVICTION TOO_FEW": "Too few updates were admitted, and yet there is a model",
}
_OF_A_LIE = {"VERDICT": "ADMISSION", **dict.fromkeys(("ROOT", "CID", "CARRIED"), "AGGREGATE")}


def meaning(check: str, code: str, value: int) -> str:
    """What a finding means, for people; its value, from 0, is in the sentence where it has one."""
    part = _OF_A_LIE.get(code, "CONVICTION") if check == "CAUGHT" else check
    return ("A lie that does not stand: " if check == "CAUGHT" else "") + MEANINGS[f"{part} {code}"].format(value=value)
