// SPDX-License-Identifier: MIT
/**
 * colours: which layer, module and change has which colour. The layers' eight colours are those of
 * Okabe and Ito, which colour-blind readers tell apart; page.css has them as --layer-1 to
 * --layer-8, for both themes. Modules have muted colours, so that only the accent stands out.
 */

const HUES = [42, 205, 150, 280, 12, 95, 180, 325];

/**
 * The class that gives a layer its colour.
 * @param {number} layer 0 to 7; -1: the rest
 * @returns {string}
 */
export function layerClass(layer) {
    return layer < 0 ? 'layer-rest' : `layer-${layer + 1}`;
}

/**
 * Gives each module a muted colour: the first eight different ones, the others grey.
 * @param {string[]} modules in the order of their weight
 * @param {boolean} isDark
 * @returns {Map<string, string>}
 */
export function moduleColours(modules, isDark) {
    const light = isDark ? '27%' : '86%';
    return new Map(modules.map((module, i) => [
        module,
        i < HUES.length && module ? `hsl(${HUES[i]}, ${isDark ? '22%' : '38%'}, ${light})` : `hsl(0, 0%, ${light})`,
    ]));
}

/**
 * The colour of a change: red grows, blue shrinks, the paler the smaller its share is.
 * @param {number} before
 * @param {number} now
 * @param {boolean} isDark
 * @returns {string}
 */
export function changeColour(before, now, isDark) {
    const most = Math.max(before, now);
    const share = most > 0 ? (now - before) / most : 0;
    const from = isDark ? [62, 62, 64] : [232, 232, 230];
    const to = share > 0 ? (isDark ? [184, 72, 10] : [233, 122, 62]) : (isDark ? [30, 98, 160] : [96, 164, 216]);
    const part = share === 0 ? 0 : 0.2 + 0.8 * Math.abs(share);
    const mixed = from.map((channel, i) => Math.round(channel + (to[i] - channel) * part));
    return `rgb(${mixed.join(', ')})`;
}
