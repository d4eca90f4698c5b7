/**
 * Paints video frames onto a canvas.
 *
 * WebGL is used only on a GPU. WebGL in software uploads, shades and reads back every pixel on the CPU; a 2-D context,
 * which draws the frame directly, is faster there.
 */

/** A decoded frame, or a video element that shows one. */
export type Paintable = VideoFrame | HTMLVideoElement;

/** Paints frames onto one canvas. */
export interface Painter {
  readonly kind: "webgl" | "canvas";
  /** Paints a frame; returns false while the context is lost. */
  paint(frame: Paintable): boolean;
  /** Frees graphics memory. The canvas keeps its frame and its context. */
  close(): void;
}

/** Returns a painter that uses a 2-D context, or null if the canvas has another context. */
export function flatPainter(canvas: HTMLCanvasElement): Painter | null {
  const context = canvas.getContext("2d", { alpha: false, desynchronized: true });
  if (context === null) return null;
  return {
    kind: "canvas",
    paint(frame) {
      fitTo(canvas, frame);
      context.drawImage(frame, 0, 0, canvas.width, canvas.height);
      return !context.isContextLost();
    },
    close() {},
  };
}

const VERTEX_SHADER = `#version 300 es
out vec2 position;
void main() {
  // One triangle covers everything. The first row of a video frame is the top one.
  position = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;
  gl_Position = vec4(position.x * 2.0 - 1.0, 1.0 - position.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT_SHADER = `#version 300 es
precision mediump float;
uniform sampler2D frame;
in vec2 position;
out vec4 colour;
void main() {
  colour = vec4(texture(frame, position).rgb, 1.0);
}`;

/** Names of drivers that run on the CPU. Not every browser reports them as a performance caveat. */
const SOFTWARE_RENDERERS = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Returns a painter that uses WebGL 2, or null if the browser has none, or only one in software. */
export function webglPainter(canvas: HTMLCanvasElement, options: { evenInSoftware: boolean }): Painter | null {
  // The check uses another canvas, because a canvas that had a WebGL context never gets a 2-D one.
  if (!options.evenInSoftware && !hasGraphicsProcessor()) return null;
  const gl = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    desynchronized: true,
    powerPreference: "high-performance",
  });
  if (gl === null) return null;
  let prepared = prepare(gl);
  if (prepared === null) return null;
  const closing = new AbortController();
  const { signal } = closing;
  // The default action would prevent the context from being restored.
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault(), { signal });
  canvas.addEventListener(
    "webglcontextrestored",
    () => {
      prepared = prepare(gl);
    },
    { signal },
  );
  return {
    kind: "webgl",
    paint(frame) {
      if (gl.isContextLost()) return false;
      if (fitTo(canvas, frame)) gl.viewport(0, 0, canvas.width, canvas.height);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, frame);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
      return true;
    },
    close() {
      closing.abort();
      if (prepared === null) return;
      gl.deleteTexture(prepared.texture);
      gl.deleteProgram(prepared.program);
    },
  };
}

/** Returns true if WebGL 2 runs on a GPU. */
function hasGraphicsProcessor(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (gl === null) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  // Browsers limit the number of contexts of a page.
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !SOFTWARE_RENDERERS.test(renderer);
}

/** Objects on the device that a painter uses. */
interface DeviceObjects {
  readonly program: WebGLProgram;
  readonly texture: WebGLTexture;
}

/** Makes program and texture and binds them until the painter is closed: nothing else draws with this context. */
function prepare(gl: WebGL2RenderingContext): DeviceObjects | null {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ] as const) {
    const shader = gl.createShader(type);
    if (shader === null) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    // The shader lives as long as the program.
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const parameter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(gl.TEXTURE_2D, parameter, gl.LINEAR);
  }
  for (const parameter of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
    gl.texParameteri(gl.TEXTURE_2D, parameter, gl.CLAMP_TO_EDGE);
  }
  gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
  return { program, texture };
}

/** Sets the resolution of the canvas to that of the frame; returns true if it was different. */
function fitTo(canvas: HTMLCanvasElement, frame: Paintable): boolean {
  const [displayWidth, displayHeight] =
    frame instanceof HTMLVideoElement
      ? [frame.videoWidth, frame.videoHeight]
      : [frame.displayWidth, frame.displayHeight];
  if (canvas.width === displayWidth && canvas.height === displayHeight) return false;
  canvas.width = displayWidth;
  canvas.height = displayHeight;
  return true;
}
