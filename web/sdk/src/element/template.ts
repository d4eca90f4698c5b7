/** Builds the shadow tree of `<remora-viewer>` without markup, so that a strict content security policy allows it. */

const STYLE = `
:host { display: block; position: relative; overflow: hidden; width: 100%; aspect-ratio: 16 / 9; min-height: 64px;
  background: #1b1e23; color: #e8eaed; font: 14px/1.5 system-ui, sans-serif; }
:host([hidden]) { display: none; }
[part="video"], [part="poster"] { position: absolute; inset: 0; }
[part="poster"] img { width: 100%; height: 100%; object-fit: cover; }
[part="progress"] { position: absolute; left: 0; right: 0; bottom: 0; height: 3px; background: transparent; }
[part="bar"] { height: 100%; width: 0; background: var(--remora-accent, #4c9ffe); transition: width 120ms linear; }
[part="message"] { position: absolute; left: 50%; bottom: 16px; transform: translateX(-50%); max-width: 90%; margin: 0;
  padding: 6px 12px; border-radius: 6px; background: rgb(0 0 0 / 0.65); }
[part="retry"] { margin-left: 12px; font: inherit; }
[hidden] { display: none !important; }
`;

let sheet: CSSStyleSheet | null = null;

function styleSheet(): CSSStyleSheet {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

/** The elements of the shadow tree that change. */
export interface Parts {
  readonly video: HTMLElement;
  readonly poster: HTMLElement;
  readonly image: HTMLImageElement;
  readonly progress: HTMLElement;
  readonly bar: HTMLElement;
  readonly message: HTMLElement;
  readonly text: HTMLElement;
  readonly retry: HTMLButtonElement;
}

/** Attaches the shadow tree to an element. */
export function buildParts(host: HTMLElement): Parts {
  const root = host.attachShadow({ mode: "open", delegatesFocus: true });
  root.adoptedStyleSheets = [styleSheet()];
  const part = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, name: string): HTMLElementTagNameMap[Tag] => {
    const element = document.createElement(tag);
    element.setAttribute("part", name);
    return element;
  };
  const slot = (name?: string) => {
    const element = document.createElement("slot");
    if (name !== undefined) element.name = name;
    return element;
  };
  const video = part("div", "video");
  const poster = part("div", "poster");
  const image = document.createElement("img");
  image.alt = "";
  image.hidden = true;
  // Content in the slot replaces the image of the attribute.
  const posterSlot = slot("poster");
  posterSlot.append(image);
  poster.append(posterSlot);
  const progress = part("div", "progress");
  progress.setAttribute("role", "progressbar");
  progress.setAttribute("aria-label", "Loading the model");
  progress.hidden = true;
  const bar = part("div", "bar");
  progress.append(bar);
  const message = part("p", "message");
  message.setAttribute("role", "status");
  message.hidden = true;
  const text = document.createElement("span");
  const retry = part("button", "retry");
  retry.type = "button";
  retry.textContent = "Try again";
  retry.hidden = true;
  message.append(text, retry);
  root.append(video, poster, slot(), message, progress);
  return { video, poster, image, progress, bar, message, text, retry };
}
