// Work shared out among workers: each has a port, tasks go to one that is free, results come back in order.

const AHEAD = 2; // tasks that a worker has at a time: one is worked on while the other is read

export class Pool {
  constructor(ports) {
    this.workers = ports.map((port) => ({ port, tasks: new Map() }));
    this.waiting = [];
    this.serial = 0;
    for (const worker of this.workers) worker.port.onmessage = ({ data }) => this.answered(worker, data);
  }

  get size() {
    return this.workers.length;
  }

  // The result of a task, by whichever worker has least to do.
  ask(kind, task) {
    return new Promise((settle, fail) => {
      this.waiting.push({ kind, task, settle, fail });
      this.send();
    });
  }

  send() {
    while (this.waiting.length) {
      const free = this.workers.reduce((least, one) => (one.tasks.size < least.tasks.size ? one : least));
      if (free.tasks.size === AHEAD) return;
      const { kind, task, settle, fail } = this.waiting.shift(), serial = this.serial++;
      free.tasks.set(serial, { settle, fail });
      free.port.postMessage({ serial, kind, task });
    }
  }

  answered({ tasks }, { serial, result, error }) {
    const { settle, fail } = tasks.get(serial);
    tasks.delete(serial);
    this.send();
    if (error === undefined) settle(result);
    else fail(new Error(error));
  }

  // Do all tasks of one kind; `take` gets each result with its number, in the order of the tasks.
  inOrder(tasks, take, kind = "blocks") {
    return inLanes(tasks, AHEAD * this.size, (task) => this.ask(kind, task), take);
  }
}

// Do something with each item, so many at a time; `take` gets each result with its number, in the order of the items.
export async function inLanes(items, lanes, work, take) {
  const results = new Map();
  let next = 0, taken = 0;
  const lane = async () => {
    while (next < items.length) {
      const at = next++;
      try {
        results.set(at, await work(items[at]));
        for (; results.has(taken); taken++) {
          take(results.get(taken), taken);
          results.delete(taken);
        }
      } catch (error) {
        next = items.length; // what follows is not begun
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}

// The other side: answers a port's tasks.
export function serve(port, kinds) {
  port.onmessage = async ({ data: { serial, kind, task } }) => {
    try {
      const result = await kinds[kind](task);
      port.postMessage({ serial, result }, buffersOf(result));
    } catch (error) {
      port.postMessage({ serial, error: String(error?.message ?? error) });
    }
  };
}

// The buffers of a result, which go over without a copy.
function buffersOf(value, found = new Set()) {
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  else if (value !== null && typeof value === "object") Object.values(value).forEach((one) => buffersOf(one, found));
  return [...found];
}
