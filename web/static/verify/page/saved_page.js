// The saved file: this script is page and worker at once. A worker is started from the script's own text, since a page
// that was opened from a disk may load no other file.
import { start } from "../worker.js";
import { ask } from "./asking.js";
import { control } from "./controls.js";
import { Drawing } from "./drawing.js";

export function open(words) {
  if (typeof document === "undefined") {
    start(self);
    return;
  }
  const text = new Blob([document.currentScript.textContent], { type: "text/javascript" });
  const address = URL.createObjectURL(text);
  const root = document.getElementById("verifier");
  const chosen = navigator.language.toLowerCase().startsWith("zh") ? "zh-Hant" : "en";
  const drawing = new Drawing(root, words[chosen]);
  const speak = (tongue) => {
    document.documentElement.lang = tongue;
    drawing.speak(words[tongue]);
  };
  document.querySelectorAll("[data-tongue]").forEach((button) => button.addEventListener("click", () => speak(button.dataset.tongue)));
  speak(chosen);
  const make = () => new Worker(address);
  control(root, async () => ({ drawing, ask: (...asked) => ask(make, ...asked) }));
}
