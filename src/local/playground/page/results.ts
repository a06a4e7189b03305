import type { ExecutionResult } from "../../../index.js";
import { h } from "./dom.js";

/** A frame with displayed HTML is at most this high, in pixels; the rest scrolls. */
const HIGHEST_FRAME = 600;

/** Shows a displayed value in the richest format that the page can show. */
export function showResult(result: ExecutionResult): HTMLElement {
  const picture = pictureOf(result);
  if (picture !== undefined) {
    return h("img", { class: "picture", attributes: { src: picture, alt: result.text ?? "Picture" } });
  }
  if (result.html !== undefined) return showHtml(result.html);
  if (result.json !== undefined) {
    return h("pre", { class: "result", text: JSON.stringify(result.json, undefined, 2) });
  }
  return h("pre", { class: "result", text: result.text ?? `[${result.mimeTypes.join(", ")}]` });
}

/** Returns the URL of a picture. SVG is also shown as an image, where its scripts do not run. */
function pictureOf(result: ExecutionResult): string | undefined {
  for (const type of ["image/png", "image/jpeg", "image/gif", "image/webp"]) {
    const data = result.data[type];
    if (typeof data === "string") return `data:${type};base64,${data.replaceAll(/\s/g, "")}`;
  }
  return result.svg && `data:image/svg+xml;charset=utf-8,${encodeURIComponent(result.svg)}`;
}

/** The frame has its own origin: its content cannot reach this page, the server or the network. */
function showHtml(html: string): HTMLElement {
  const frame = h("iframe", {
    class: "html",
    attributes: { src: "/ui/frame.html", sandbox: "allow-scripts", title: "Displayed HTML" },
  });
  const onMessage = ({ source, data }: MessageEvent<{ readonly ready?: true; readonly height?: number }>) => {
    if (source !== frame.contentWindow) {
      if (!frame.isConnected) removeEventListener("message", onMessage);
      return;
    }
    if (data.ready === true) frame.contentWindow?.postMessage(html, "*");
    else if (typeof data.height === "number")
      frame.style.height = `${Math.min(data.height, HIGHEST_FRAME)}px`;
  };
  addEventListener("message", onMessage);
  return frame;
}
