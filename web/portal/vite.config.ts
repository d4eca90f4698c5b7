import { defineConfig, type Plugin } from "vite";
import { aliases } from "../aliases.ts";
import { precompress } from "./precompress.ts";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: aliases },
  plugins: [inlineStyles(), preload(), precompress()],
  build: {
    target: "es2022",
    // The content security policy of the service allows only its own files and the inline content of the page, by digest.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
});

/** Puts the style sheet of the sign-in into the page, because another file costs at least one more round trip. */
function inlineStyles(): Plugin {
  return {
    name: "inline-styles",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        return html.replace(/<link rel="stylesheet"[^>]* href="\/([^"]+)">/g, (link, file: string) => {
          const sheet = bundle[file];
          if (sheet?.type !== "asset") return link;
          delete bundle[file];
          return `<style>${String(sheet.source).trim()}</style>`;
        });
      },
    },
  };
}

/**
 * Lets the browser fetch the configuration in parallel with the script that reads it, and the viewer while the person signs
 * in. The script comes first, so that it uses the connection that is open already.
 */
function preload(): Plugin {
  return {
    name: "preload",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const viewer = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "app");
        if (viewer?.type !== "chunk") return html;
        // The page itself is among the imports of the viewer.
        const scripts = [viewer.fileName, ...viewer.imports.filter((file) => !html.includes(file))];
        const styles = [...(viewer.viteMetadata?.importedCss ?? [])];
        const link = (file: string, attributes: Record<string, string>) => ({
          tag: "link",
          attrs: { ...attributes, crossorigin: true, href: `/${file}` },
          injectTo: "head" as const,
        });
        return [
          link("portal/configuration", { rel: "preload", as: "fetch" }),
          ...scripts.map((file) => link(file, { rel: "modulepreload", fetchpriority: "low" })),
          ...styles.map((file) => link(file, { rel: "preload", as: "style", fetchpriority: "low" })),
        ];
      },
    },
  };
}
