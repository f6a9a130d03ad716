// What a reader does: chooses a round, or a bundle by a dialogue or by dropping it on the page. What then is needed is
// loaded then: the page itself is small.

// `load` returns {drawing, ask}, of which `ask(question, asked, progress)` asks workers.
export function control(root, load) {
  let running = false;
  const lock = (locked) => root.querySelectorAll("button, select, input").forEach((one) => (one.disabled = locked));
  const run = async (question, asked) => {
    if (running) return;
    running = true;
    lock(true);
    let drawing;
    try {
      const loaded = await load();
      drawing = loaded.drawing;
      drawing.start();
      drawing.show(await loaded.ask(question, asked, (progress) => drawing.progress(progress)));
    } catch (error) {
      if (drawing) drawing.fail(error);
      else root.querySelector("#doing").textContent = root.dataset.stale;
    } finally {
      running = false;
      lock(false);
    }
  };
  chooseRound(root.querySelector("#recompute"), run);
  chooseFiles(root.querySelector("#bundle"), run);
}

function chooseRound(form, run) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const [job, round] = form.querySelector("select").value.split("/").map(Number);
    run("round", { job, round });
  });
}

// A bundle, with a network file where there is one: a bundle is checked again when that is chosen later.
function chooseFiles(form, run) {
  const { bundle, network } = form.elements;
  const check = () => {
    if (bundle.files.length) run("bundle", { file: bundle.files[0], network: network.files[0] });
  };
  form.addEventListener("change", check);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (bundle.disabled) return;
    for (const file of event.dataTransfer.files) hold(file.name.endsWith(".toml") ? network : bundle, file);
    check();
  });
}

function hold(input, file) {
  const held = new DataTransfer();
  held.items.add(file);
  input.files = held.files;
}

// A server's page has its words with it; the saved file has them in its script.
const page = typeof document === "undefined" ? null : document.querySelector("#verifier[data-words]");

if (page) {
  let loaded = null;
  control(page, async () => {
    if (loaded) return loaded;
    const [{ ask }, { Drawing }] = await Promise.all([import("./asking.js"), import("./drawing.js")]);
    const make = () => new Worker(page.dataset.worker);
    const drawing = new Drawing(page, JSON.parse(page.dataset.words));
    loaded = { drawing, ask: (...asked) => ask(make, ...asked) };
    return loaded;
  });
}
