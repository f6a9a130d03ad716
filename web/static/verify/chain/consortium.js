// Members, keys and roles, as contracts/Consortium.sol keeps them. What the contract would revert throws Refused.

export class Refused extends Error {}

export function require(holds) {
  if (!holds) throw new Refused();
}

const MINIMUM = 3, MAXIMUM = 255, ALL_ROLES = 7;
const NOBODY = "00".repeat(20);

export class Consortium {
  // `founders`: {key, roles} in the order of their numbers; keys are 40 digits.
  constructor(founders) {
    this.members = new Map();
    this.memberships = new Map();
    this.approvals = new Map();
    this.epoch = 1;
    this.recoveries = 0;
    this.admitted = 0;
    for (const { key, roles } of founders) this.admit(key, roles);
  }

  get count() {
    return this.members.size;
  }

  // How many members have a role.
  countOf(role) {
    return [...this.members.values()].filter(({ key }) => this.memberships.get(key).roles & role).length;
  }

  membership(key) {
    const found = this.memberships.get(key);
    require(found && found.roles);
    return found;
  }

  // The index of a key that holds `role`, and did so when `epoch` was current.
  electorate(key, role, epoch) {
    const { index, roles, since, rolesSince } = this.membership(key);
    require((roles & role) === role && (role && rolesSince > since ? rolesSince : since) <= epoch);
    return index;
  }

  // How many of these members are active.
  standing(indices) {
    return [...indices].filter((index) => this.members.has(index)).length;
  }

  rotateKey(sender, newKey) {
    const { index } = this.membership(sender);
    this.requireUnused(newKey);
    this.epoch++;
    this.rotate(index, newKey);
  }

  approveRotation(sender, index, newKey) {
    const member = this.membership(sender).index;
    const found = this.memberOf(index);
    this.requireUnused(newKey);
    const rotation = `${index} ${found.recoveries} ${newKey}`;
    const approved = this.approvals.get(rotation) ?? new Set();
    require(!approved.has(member));
    this.approvals.set(rotation, approved.add(member));
    if (this.standing(approved) <= Math.floor(this.count / 2)) return;
    found.recoveries++;
    this.recoveries++;
    this.epoch++;
    this.rotate(index, newKey);
  }

  // A decision to admit: the epoch changes first.
  admitLater(key, roles) {
    require(this.admitted < MAXIMUM && roles > 0 && roles <= ALL_ROLES);
    this.requireUnused(key);
    this.epoch++;
    this.admit(key, roles);
  }

  admit(key, roles) {
    const index = this.admitted++;
    this.members.set(index, { key, recoveries: 0 });
    this.memberships.set(key, { index, roles, since: this.epoch, rolesSince: this.epoch });
  }

  remove(index) {
    const { key } = this.memberOf(index);
    require(this.count > MINIMUM);
    this.epoch++;
    this.members.delete(index);
    this.memberships.get(key).roles = 0;
  }

  changeRoles(index, roles) {
    const { key } = this.memberOf(index);
    require(roles > 0 && roles <= ALL_ROLES);
    this.epoch++;
    Object.assign(this.memberships.get(key), { roles, rolesSince: this.epoch });
  }

  rotate(index, newKey) {
    const member = this.members.get(index), found = this.memberships.get(member.key);
    this.memberships.set(newKey, { index, roles: found.roles, since: this.epoch, rolesSince: found.rolesSince });
    found.roles = 0;
    member.key = newKey;
  }

  memberOf(index) {
    const found = this.members.get(index);
    require(found);
    return found;
  }

  requireUnused(key) {
    require(key !== NOBODY && !this.memberships.has(key));
  }
}
