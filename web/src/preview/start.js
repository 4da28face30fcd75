/*
 * The script that the worker begins with. It is a classic one, because LiteRT.js loads its code by `importScripts`,
 * which workers of modules refuse; what the page says while the module comes is kept for it.
 */
const waiting = [];
const keep = (event) => void waiting.push(event);

addEventListener("message", keep);
import("./work.js").then(
  ({ hear }) => {
    removeEventListener("message", keep);
    addEventListener("message", hear);
    for (const event of waiting) void hear(event);
  },
  (error) => postMessage({ done: "failed", message: `the engines cannot be loaded: ${error.message}` }),
);
