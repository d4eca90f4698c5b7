import type { Page } from "playwright-core";
import type { Rest, Step } from "./latency.ts";

export function singleSteps(page: Page, count: number): Promise<Step[]>;
export function rests(page: Page, count: number): Promise<Rest[]>;
export function interruptions(page: Page, count: number): Promise<Step[]>;
export function quantile(list: readonly number[], q: number): number | null;
