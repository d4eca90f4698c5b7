import { defineConfig, type Plugin } from "vite";
import { aliases } from "../aliases.ts";
import { precompress } from "./precompress.ts";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: aliases },
  plugins: [preloadViewer(), precompress()],
  build: {
    target: "es2022",
    // Nothing inline and nothing from elsewhere: the page is served under a strict content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
});

/** Lets the browser fetch the viewer while the person signs in, after what the sign-in needs. */
function preloadViewer(): Plugin {
  return {
    name: "preload-viewer",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const viewer = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "app");
        if (viewer?.type !== "chunk") return html;
        // The page itself is the one that imports the viewer.
        const scripts = [viewer.fileName, ...viewer.imports.filter((file) => !html.includes(file))];
        const styles = [...(viewer.viteMetadata?.importedCss ?? [])];
        const link = (file: string, attributes: Record<string, string>) => ({
          tag: "link",
          attrs: { ...attributes, fetchpriority: "low", crossorigin: true, href: `/${file}` },
          injectTo: "head" as const,
        });
        return [
          ...scripts.map((file) => link(file, { rel: "modulepreload" })),
          ...styles.map((file) => link(file, { rel: "preload", as: "style" })),
        ];
      },
    },
  };
}
