import { expect, test } from "vitest";
import { secretIn } from "../src/sign-in/secret.ts";

test("the secret is read from the fragment if there is one", () => {
  expect(secretIn("#secret=a%2Bb")).toBe("a+b");
  expect(secretIn("#secret=")).toBeNull();
  expect(secretIn("#other=x")).toBeNull();
  expect(secretIn("")).toBeNull();
});
