// Asks workers: one coordinates, the others work on blocks, one for each core. They are joined by channels, so that
// nothing but progress and the answer comes to the page's own thread.

const MOST = 16;
const NO_WORKER = Object.assign(new Error("a worker could not start"), { code: "no_worker" });

// The answer to a question; `make` starts a worker, `progress` hears how far it is. All workers end with it.
export async function ask(make, question, asked, progress) {
  const began = performance.now();
  const workers = [], channels = [];
  const count = Math.min(Math.max(navigator.hardwareConcurrency || 2, 1), MOST);
  try {
    for (let at = 0; at < count; at++) {
      const channel = new MessageChannel(), worker = make();
      workers.push(worker);
      worker.postMessage({ role: "blocks" }, [channel.port1]);
      channels.push(channel.port2);
    }
    const coordinator = make();
    workers.push(coordinator);
    const answer = await heard(workers, coordinator, { question, asked }, channels, progress);
    return { ...answer, seconds: (performance.now() - began) / 1000 };
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
}

function heard(workers, coordinator, message, ports, progress) {
  return new Promise((resolve, reject) => {
    for (const worker of workers) worker.onerror = (event) => reject(event.message ? new Error(event.message) : NO_WORKER);
    coordinator.onmessage = ({ data }) => {
      if (data.progress) progress(data.progress);
      else if (data.answer) resolve(data.answer);
      else reject(Object.assign(new Error(data.error), { code: data.code }));
    };
    coordinator.postMessage(message, ports);
  });
}
