/** Names what draws, where it is what computes. */

import type { Backend } from "../engine.ts";

/** Gives the graphics processor (or the software that stands for it) of a backend; null for those without one. */
export async function gpuOf(backend: Backend): Promise<string | null> {
  switch (backend) {
    case "webgl":
      return webglRenderer();
    case "webgpu":
      return webgpuAdapter();
    default:
      return null;
  }
}

function webglRenderer(): string | null {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (gl === null) return null;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const found = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return found;
}

async function webgpuAdapter(): Promise<string | null> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter == null) return null;
  const { info } = adapter as GPUAdapter & { info: Readonly<Record<string, string>> }; // the types are older
  const { vendor, architecture, device, description } = info;
  return [description, vendor, architecture, device].filter(Boolean).join(" ") || "unnamed";
}
