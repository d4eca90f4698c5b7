/** Shows the signed-in person in the header: the name, a button to sign out, and a warning before the sign-in ends. */

import { byId } from "./page.ts";
import type { Account } from "./sign-in.ts";

const LOOK_MILLISECONDS = 15_000;

/** Fills the header. `leave` disconnects from the render host before the page is unloaded. */
export function showPerson(account: Account, leave: () => Promise<void>): void {
  const person = byId("person", HTMLElement);
  person.textContent = account.person;
  person.title = account.person;
  person.hidden = account.person === "";
  const signOut = byId("sign-out", HTMLButtonElement);
  signOut.hidden = false;
  signOut.title = account.person === "" ? "" : `Signed in as ${account.person}`;
  signOut.addEventListener("click", () => {
    signOut.disabled = true;
    void leave().finally(() => account.signOut());
  });
  const ending = byId("ending", HTMLElement);
  const look = () => {
    ending.hidden = !account.ending();
  };
  byId("ending-action", HTMLButtonElement).addEventListener("click", () => {
    void leave().finally(() => account.signInAgain());
  });
  setInterval(look, LOOK_MILLISECONDS);
  document.addEventListener("visibilitychange", look);
  look();
}
