import { convertIndexedToRgb, decode } from "fast-png";

const COLORS = 256;

/** Encodes a PNG as sixels; `undefined` if it cannot be decoded. */
export async function encodeSixel(png: Uint8Array): Promise<string | undefined> {
  let pixels: { readonly rgba: Uint8Array; readonly width: number; readonly height: number };
  try {
    pixels = toRgba(png);
  } catch {
    // The picture is still saved.
    return undefined;
  }
  // The encoder assigns to this undeclared global, which fails in a module.
  Object.assign(globalThis, { UPNG: undefined });
  const { default: encoder } = await import("sixel/lib/SixelEncoder.js");
  return encoder.image2sixel(pixels.rgba, pixels.width, pixels.height, COLORS);
}

/** Converts a PNG to 8-bit RGBA on a white background. */
function toRgba(png: Uint8Array): { rgba: Uint8Array; width: number; height: number } {
  const image = decode(png);
  const { width, height, palette } = image;
  const data = palette === undefined ? image.data : convertIndexedToRgb(image);
  const channels = palette === undefined ? image.channels : (palette[0]?.length ?? 3);
  const largest = palette === undefined ? 2 ** image.depth - 1 : 255;
  const hasAlpha = channels === 2 || channels === 4;
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = (channel: number) => (data[pixel * channels + channel] ?? 0) / largest;
    const alpha = hasAlpha ? at(channels - 1) : 1;
    for (let color = 0; color < 3; color++) {
      const value = at(channels < 3 ? 0 : color);
      rgba[pixel * 4 + color] = Math.round(255 * (value * alpha + 1 - alpha));
    }
  }
  return { rgba, width, height };
}
