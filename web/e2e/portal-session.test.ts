/** The page against a fake service and host: the life of a session, lost connections, and failures. */

import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { SessionEnding_Reason, StatisticsSchema } from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { commandsOf, connect, host, page, service } from "./portal-page.ts";

test("shows that the session was stopped, and removes it from the list", async () => {
  await connect();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Session stopped" }).waitFor();
  await page.getByText("No session is running.").waitFor();
  expect(await page.locator("#video > *").count()).toBe(0);
});

test("shows a second client that the session is in use, and lets it try again", async () => {
  await connect();
  const second = page;
  service.inUse = true;
  await second.reload();
  await second.getByRole("button", { name: "Connect" }).click();
  await second.getByRole("heading", { name: "This session is in use by another client" }).waitFor();
  service.inUse = false;
  await second.getByRole("button", { name: "Try again" }).click();
  await second.locator("#notice").waitFor({ state: "hidden" });
});

test("reconnects by itself when the connection is lost, and loads the model again", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await host.hangUp();
  await page.getByRole("heading", { name: "Connecting again…" }).waitFor();
  await page.locator("#notice").waitFor({ state: "hidden" });
  await expect.poll(() => commandsOf("loadModel").length).toBe(2);
});

test("connects only to the last of two sessions that are chosen in quick succession", async () => {
  for (const id of ["first", "second"])
    service.sessions.set(id, { status: "Ready", maxLeaseTimeMinutes: 60, asked: 0 });
  await connect();
  await page.getByRole("listitem").nth(2).waitFor();
  expect(service.handshakes).toBe(1);
  const last = await page.evaluate(() => {
    const ready = [...document.querySelectorAll("#sessions > li")].filter(
      (item) => item.querySelector(".session-status")?.textContent === "Ready",
    );
    for (const item of ready) item.querySelector("button")?.click();
    return ready.at(-1)?.querySelector(".session-id")?.textContent ?? "";
  });
  await page.locator("#notice").waitFor({ state: "hidden" });
  await page.getByText("Connected here").waitFor();
  expect(service.handshakes).toBe(2);
  const chosen = page.getByRole("listitem").filter({ hasText: last });
  expect(await chosen.getByText("Connected here").count()).toBe(1);
});

test("loads a model again whose load was interrupted by a lost connection", async () => {
  host.holdsModels = true;
  await connect();
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
  host.holdsModels = false;
  await host.hangUp();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
});

test("stops trying when the session is over, and shows why it ended", async () => {
  service.handshakeFailures = Number.POSITIVE_INFINITY;
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "Connecting again…" }).waitFor();
  await page.getByText("The render host does not answer").waitFor();
  service.fail("The machine was taken away.");
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("The machine was taken away.").waitFor();
  const { handshakes } = service;
  await page.getByText("No session is running.").waitFor();
  expect(service.handshakes).toBe(handshakes);
});

test("tries again while the session is ready and its host does not answer", async () => {
  service.handshakeFailures = 2;
  await connect();
  expect(service.handshakes).toBe(3);
});

test("shows that the connection is interrupted while the host does not answer", async () => {
  await connect();
  host.silent = true;
  await page.getByText("The connection is interrupted").waitFor({ timeout: 20_000 });
  host.silent = false;
  await page.getByText("Connected · Fake adapter").waitFor();
});

test("shows why the session failed if the service reports it first", async () => {
  await connect();
  service.fail("The render host crashed.");
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("The render host crashed.").waitFor();
});

test("shows that the lease is over", async () => {
  await connect();
  await host.send({
    case: "sessionEnding",
    value: { $typeName: "remora.v1.SessionEnding", reason: SessionEnding_Reason.LEASE_EXPIRED, message: "over" },
  });
  await page.getByRole("heading", { name: "The lease is over" }).waitFor();
});

test("shows why a session failed to start", async () => {
  service.startFailure = "No Vulkan driver was found.";
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("No Vulkan driver was found.").waitFor();
});

test("extends a lease", async () => {
  await connect();
  await page.getByRole("button", { name: "Extend 30 min" }).click();
  await page.getByText("Standard · 1 h 30 min left of 1 h 30 min").waitFor();
});

test("shows that the service does not answer", async () => {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
  service.close();
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "No session" }).waitFor();
});

test("shows the kind of the connection and the remaining lease", async () => {
  await connect();
  await expect.poll(() => page.locator('[data-figure="connection"]').textContent()).toBe("direct");
  await expect.poll(() => page.locator('[data-figure="lease"]').textContent()).toBe("1 h left");
});

test("warns before the lease ends", async () => {
  await connect();
  await host.send({ case: "statistics", value: create(StatisticsSchema, { leaseRemainingMinutes: 4.2 }) });
  await page.getByText("The lease of this session ends in 5 min. Extend it in the list of sessions.").waitFor();
});

test("shows who created a session", async () => {
  service.owner = { issuer: "https://id.example", subject: "ada", name: "Ada <b>Lovelace</b>" };
  await connect();
  await page.getByText("Created by Ada <b>Lovelace</b>").waitFor();
});

test("says goodbye when the page is unloaded, so that the session is free immediately", async () => {
  await connect();
  await page.reload();
  await expect.poll(() => host.commands.some((command) => command.case === "goodbye")).toBe(true);
});
