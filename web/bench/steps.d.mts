import type { Page } from "playwright-core";
import type { Step } from "./latency.ts";

export function singleSteps(page: Page, count: number): Promise<Step[]>;
export function quantile(list: readonly number[], q: number): number | null;
