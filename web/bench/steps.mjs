// Moves the mouse in single steps in a page that was opened with `?bench`, and computes quantiles of the delays.

const PAUSE_MILLISECONDS = { min: 150, max: 400 };
/** After a step is visible, its frame at rest is made within about this time. */
const SHORT_PAUSE_MILLISECONDS = { min: 20, max: 100 };
const DRAG_MILLISECONDS = 500;
const WARM_UP_STEPS = 5;
const STEP_PIXELS = 6;

/** Moves the mouse `count` times, each after the previous step is visible; leaves the button pressed. */
export async function singleSteps(page, count) {
  const box = await page.locator("#video > *").boundingBox();
  let x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  let direction = STEP_PIXELS;
  await page.mouse.move(x, y);
  await page.mouse.down();
  const steps = [];
  for (let i = -WARM_UP_STEPS; i < count; i += 1) {
    await pause(PAUSE_MILLISECONDS);
    if (Math.abs(x + direction - (box.x + box.width / 2)) > box.width / 3) direction = -direction;
    x += direction;
    await page.evaluate(() => {
      globalThis.step = globalThis.remora.nextStep();
    });
    await page.mouse.move(x, y);
    const step = await page.evaluate(() => globalThis.step);
    if (i >= 0) steps.push(step);
  }
  return steps;
}

/** Drags `count` times for half a second each; every drag starts when full quality is shown. */
export async function rests(page, count) {
  const drags = [];
  for (let i = 0; i < count; i += 1) {
    drags.push(await page.evaluate((milliseconds) => globalThis.remora.dragToRest(milliseconds), DRAG_MILLISECONDS));
    await pause(PAUSE_MILLISECONDS);
  }
  return drags;
}

/** Makes `count` steps, each so soon after the step before that the frame at rest is often still being made. */
export async function interruptions(page, count) {
  const steps = [];
  for (let i = 0; i < count; i += 1) {
    await pause(SHORT_PAUSE_MILLISECONDS);
    steps.push(await page.evaluate(() => globalThis.remora.syntheticStep()));
  }
  return steps;
}

/** Returns the smallest value that at least a fraction `q` of the list does not exceed, or null for an empty list. */
export function quantile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? null;
}

/** Waits for a random time, so that steps do not synchronise with animation frames, ticks or refinements. */
function pause({ min, max }) {
  return new Promise((resolve) => setTimeout(resolve, min + Math.random() * (max - min)));
}
