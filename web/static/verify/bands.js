// The work on one block of every file of a round: each is read and held to what it must be, and the same block of the
// next model is made of them. It needs nothing else, so blocks are shared out among workers.
import { survey } from "./admission.js";
import { valuesIn } from "./artifact.js";
import { join } from "./bytes.js";
import { digestOf } from "./sha256.js";
import { leafHashes } from "./merkle.js";
import { Saturated, nextModel } from "./mean.js";

// `task`: `skip`, bytes of header before the values, `size` of the block; `files`, and `base` where it `makes` a model:
// where the block is (a place, null for nowhere; `read` takes all and has blocks, null for what is missing); `admitted`: places in `files`; `rule`, `trim`, `weights`;
// `header` of the model.
export async function workOn(task, read) {
  const blocks = await read(task.makes ? [...task.files, task.base] : task.files);
  const files = task.files.map((_, at) => fileOf(blocks[at], task));
  const base = task.makes ? fileOf(blocks.at(-1), task) : null;
  const summed = task.admitted.map((at) => files[at]);
  let model = null;
  if (base?.values && summed.length && summed.every((file) => file.values)) model = await modelOf(task, summed, base);
  return { files: files.map(told), base: base && told(base), model };
}

// What there is to know of a file by this block: `missing`, `foreign`, or what its bytes say.
function fileOf(block, task) {
  if (!block) return { missing: true };
  if (block.length !== task.size) return { foreign: true };
  const values = valuesIn(block, task.skip);
  return { values, hashes: leafHashes(block.subarray(task.skip)), head: block.slice(0, task.skip), ...survey(values) };
}

function told({ values, ...said }) {
  return said;
}

async function modelOf(task, summed, base) {
  try {
    const updates = summed.map((file) => file.values);
    const values = nextModel(task.rule, task.trim, task.weights, updates, base.values);
    const bytes = new Uint8Array(values.buffer);
    const block = task.skip ? join(task.header, bytes) : bytes;
    return { digest: await digestOf(block), hashes: leafHashes(bytes) };
  } catch (error) {
    if (error instanceof Saturated) return { saturated: true };
    throw error;
  }
}
