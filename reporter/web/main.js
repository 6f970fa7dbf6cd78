// SPDX-License-Identifier: MIT
/**
 * main: starts the page: reads the document that stands in it, and shows the totals.
 */

/**
 * Returns the document: base64 of a zlib stream of JSON.
 * @param {string} text
 * @returns {Promise<any>}
 */
async function unpackDocument(text) {
    const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));

    return new Response(stream).json();
}

/** Shows the totals of the document in the page. */
async function showPage() {
    const data = document.getElementById('lmm-data');
    const page = document.getElementById('page');

    if (data === null || page === null) {
        return;
    }
    const {process, totals} = await unpackDocument(data.textContent ?? '');
    const number = d3.format(',');

    page.textContent = `${process.program} (pid ${process.pid}): ${number(totals.live_bytes)} bytes live, ` +
        `${number(totals.peak_bytes)} at the peak, ${number(totals.allocations)} allocations`;
}

showPage();
