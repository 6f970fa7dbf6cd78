// SPDX-License-Identifier: MIT
/**
 * text: figures as words. Bytes have binary units, three digits that count, and everywhere the
 * same spelling as in the text reports. Nothing here knows the page.
 */

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/**
 * Writes a number with commas between thousands: 1,299,123,456.
 * @param {number} value a whole number
 * @returns {string}
 */
export function exactText(value) {
    const digits = Math.abs(Math.round(value)).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',');
    return value < 0 ? '\u2212' + digits : digits;
}

/**
 * Writes an amount in three digits that count: 1.21, 19.4, 511.9, 1,023.
 * @param {number} value at least 0, below 1024
 * @returns {string}
 */
function shortText(value) {
    return value < 99.95 ? value.toFixed(value < 9.995 ? 2 : 1) : exactText(value);
}

/**
 * Writes bytes in a binary unit: 1.21 GiB, 640 bytes, 1 byte.
 * @param {number} value may be negative
 * @returns {string}
 */
export function bytesText(value) {
    const size = Math.abs(value);
    let unit = 0;
    let scaled = size;
    while (scaled >= 1023.5 && unit < BYTE_UNITS.length - 1) {
        scaled /= 1024;
        unit++;
    }
    const sign = value < 0 ? '\u2212' : '';
    if (unit === 0) {
        return sign + exactText(size) + (size === 1 ? ' byte' : ' bytes');
    }
    return sign + shortText(scaled) + ' ' + BYTE_UNITS[unit];
}

/**
 * Writes a number of blocks with its word.
 * @param {number} value
 * @returns {string}
 */
export function blocksText(value) {
    return exactText(value) + (Math.abs(value) === 1 ? ' block' : ' blocks');
}

/**
 * Writes a change with its sign; no change is a plain 0.
 * @param {number} value
 * @param {(value: number) => string} write writes the amount
 * @returns {string}
 */
export function changeText(value, write) {
    if (value === 0) {
        return '0';
    }
    return (value > 0 ? '+' : '\u2212') + write(Math.abs(value));
}

/**
 * Writes a part of a whole in percent: 42.3 %, below 0.1 %; nothing of nothing is empty.
 * @param {number} part
 * @param {number} whole
 * @returns {string}
 */
export function shareText(part, whole) {
    if (!(whole > 0)) {
        return '';
    }
    const percent = 100 * part / whole;
    if (percent > 0 && percent < 0.1) {
        return '< 0.1 %';
    }
    return percent.toFixed(percent >= 99.95 ? 0 : 1) + ' %';
}

/**
 * Writes a length of time by its two largest units: 350 ms, 62.1 s, 5 min 12 s, 5 h 40 min, 3 d 4 h.
 * @param {number} ms
 * @returns {string}
 */
export function durationText(ms) {
    if (ms < 999.5) {
        return ms.toFixed(0) + ' ms';
    }
    if (ms < 99950) {
        return (ms / 1000).toFixed(1) + ' s';
    }
    const seconds = Math.round(ms / 1000);
    if (seconds < 3600) {
        return pairText(seconds, 60, 'min', 1, 's');
    }
    if (seconds < 48 * 3600) {
        return pairText(seconds, 3600, 'h', 60, 'min');
    }
    return pairText(seconds, 86400, 'd', 3600, 'h');
}

/**
 * @param {number} seconds
 * @param {number} large seconds of the first unit
 * @param {string} largeName
 * @param {number} small seconds of the second unit
 * @param {string} smallName
 * @returns {string}
 */
function pairText(seconds, large, largeName, small, smallName) {
    const first = Math.floor(seconds / large);
    const second = Math.floor((seconds - first * large) / small);
    return `${first} ${largeName}` + (second > 0 ? ` ${second} ${smallName}` : '');
}

/**
 * Writes a moment since the start of the process as an axis shows it: 0, 2.5 s, 1:30, 2:15:00.
 * @param {number} ms
 * @returns {string}
 */
export function clockText(ms) {
    if (ms < 60000) {
        const seconds = ms / 1000;
        return (Number.isInteger(seconds) ? seconds.toFixed(0) : String(+seconds.toFixed(3))) + ' s';
    }
    const total = Math.round(ms / 1000);
    const two = (/** @type {number} */ n) => (n < 10 ? '0' : '') + n;
    const minutes = Math.floor(total / 60);
    if (minutes < 60) {
        return `${minutes}:${two(total % 60)}`;
    }
    return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(total % 60)}`;
}

/**
 * Writes a moment of the calendar in the reader's zone: 2026-11-30 22:05:17.
 * @param {number} ns since 1970
 * @returns {string}
 */
export function momentText(ns) {
    const date = new Date(ns / 1e6);
    if (Number.isNaN(date.getTime())) {
        return 'an unknown time';
    }
    const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * The last part of a path.
 * @param {string} path
 * @returns {string}
 */
export function fileName(path) {
    return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Writes a place of the source: tree.c:12; without a line the file alone.
 * @param {string} file
 * @param {number} line 0: unknown
 * @returns {string}
 */
export function placeText(file, line) {
    return line > 0 ? `${fileName(file)}:${line}` : fileName(file);
}

/**
 * Whether a text has all words of a search, whatever their case.
 * @param {string} text
 * @param {string} search
 * @returns {boolean}
 */
export function hasWords(text, search) {
    const where = text.toLowerCase();
    return search.toLowerCase().split(/\s+/).every((word) => where.includes(word));
}
