'use strict';

require('@nomicfoundation/hardhat-ethers');
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
const { version, settings } = require('./ledger/chain/compiler.json');

// The compiler is the npm package, never a download, behind `tools/solc`, which keeps what set-up compiled of the same
// sources. Resolved from here: Hardhat nests a version of its own.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }) => {
  const longVersion = require('solc').version();
  if (!longVersion.startsWith(`${solcVersion}+`)) {
    throw new Error(`package solc is ${longVersion}, expected ${solcVersion}: run npm ci`);
  }
  return { version: solcVersion, longVersion, compilerPath: require.resolve('./tools/solc/solc'), isSolcJs: false };
});

/** @type import('hardhat/config').HardhatUserConfig */
module.exports = {
  solidity: { version, settings },
  networks: { hardhat: { hardfork: 'merge', accounts: { count: 48 } } },
  paths: {
    sources: './contracts',
    tests: './tests/contracts/hardhat',
    cache: './build/hardhat/cache',
    artifacts: './build/hardhat/artifacts',
  },
};
