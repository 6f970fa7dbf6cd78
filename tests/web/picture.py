# SPDX-License-Identifier: MIT
"""Small PNG files of what a browser shows: at most 256 colours, the most frequent ones that are unlike each other."""
import base64
import struct
import zlib

# Runs in an empty page: a PNG in base64 becomes its width, height, palette and indexes.
QUANTIZE = r"""
const done = arguments[arguments.length - 1];
const image = new Image();
image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
    const channels = (p) => [p & 255, p >> 8 & 255, p >> 16 & 255];
    const order = Array.from(counts.keys()).sort((a, b) => counts.get(b) - counts.get(a));
    const parts = [];
    const known = new Map();
    // First those that are unlike all before them, so that no rare colour becomes another one; then the most frequent.
    for (const least of [1200, 300, 0]) {
        for (const pixel of order) {
            const [r, g, b] = channels(pixel);
            if (parts.length < 256 && !known.has(pixel) &&
                parts.every(([x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2 > least)) {
                known.set(pixel, parts.length);
                parts.push([r, g, b]);
            }
        }
    }
    const nearest = (pixel) => {
        const [r, g, b] = channels(pixel);
        let best = 0, least = Infinity;
        parts.forEach(([x, y, z], i) => {
            const distance = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
            if (distance < least) { least = distance; best = i; }
        });
        known.set(pixel, best);
        return best;
    };
    let text = '';
    for (const pixel of pixels) text += String.fromCharCode(known.has(pixel) ? known.get(pixel) : nearest(pixel));
    done([image.width, image.height, parts, btoa(text)]);
};
image.src = 'data:image/png;base64,' + arguments[0];
"""


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def smaller(browser, png):
    """The same picture as a PNG with a palette."""
    browser.open("about:blank")
    width, height, palette, text = browser.ask("POST", "/execute/async", {
        "script": QUANTIZE, "args": [base64.b64encode(png).decode()]})
    indexes = base64.b64decode(text)
    rows = b"".join(b"\0" + indexes[y * width:(y + 1) * width] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
            + chunk(b"PLTE", bytes(channel for colour in palette for channel in colour))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
