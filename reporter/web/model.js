// SPDX-License-Identifier: MIT
/**
 * model: the document (docs/page.schema.json), checked. Readers of a model need not check it
 * again: figures are whole and at least 0, columns have one length, indexes lead to rows, callers
 * stand before the calls they make. Texts may hold anything; they are shown as text only.
 */
import {arrayIn, figureIn, figuresIn, indexesIn, knownIn, objectIn, reject, textIn, wholeIn} from './check.js';
import {sumsIn, wordIn, wordsIn} from './check.js';

const SITE_COLUMNS = [
    'live_bytes', 'live_blocks', 'peak_bytes', 'peak_blocks', 'allocated_bytes', 'allocations',
    'frees', 'temporaries', 'smallest_bytes', 'largest_bytes', 'definite_bytes', 'definite_blocks',
    'indirect_bytes', 'indirect_blocks', 'possible_bytes', 'possible_blocks', 'reachable_bytes',
    'reachable_blocks', 'before_live_bytes', 'before_live_blocks', 'before_peak_bytes',
    'before_peak_blocks', 'before_allocated_bytes', 'before_allocations',
];
const FAMILY_COLUMNS = [
    'bytes', 'live_bytes', 'live_blocks', 'peak_bytes', 'allocations', 'frees', 'committed_bytes',
    'pages',
];
const TOTALS = [
    'live_bytes', 'live_blocks', 'peak_bytes', 'peak_blocks', 'allocated_bytes', 'allocations',
    'frees', 'temporaries', 'committed_bytes', 'peak_time_ns',
];
const CLASSES = ['definite', 'indirect', 'possible', 'reachable', 'suppressed'];
const MARKS = ['mark', 'peak', 'fork', 'exit', 'exec', 'leak_check'];

/**
 * @typedef {Object} Process
 * @property {string} program
 * @property {string[]} command
 * @property {number} pid
 * @property {string} state running, exited, killed, replaced or lost
 * @property {number | null} exitStatus
 * @property {number | null} signal
 * @property {string} signalName
 * @property {number} startNs
 * @property {number} endNs 0: unknown
 * @property {number} madeNs
 * @property {number | null} runNs
 * @property {boolean} isTyped
 * @property {number} stackFrames
 * @property {number | null} limitBytes
 * @property {string} limitSource
 *
 * @typedef {Record<string, number> & {residentBytes: number | null, maxResidentBytes: number | null}} Totals
 *
 * @typedef {{bytes: number, blocks: number}} Amount
 *
 * @typedef {Object} LeakCheck
 * @property {number} timeNs
 * @property {boolean} isAtExit
 * @property {string} failure empty: it was made
 * @property {Record<string, Amount>} classes
 *
 * @typedef {Object} Types
 * @property {number} count
 * @property {string[]} name
 * @property {string[]} confidence
 * @property {string[][]} evidence
 * @property {Float64Array} bytes
 * @property {string[]} file
 * @property {Float64Array} line
 * @property {string[]} gap
 * @property {string[]} lacking
 *
 * @typedef {Object} Lines
 * @property {number} count
 * @property {string[]} functionName
 * @property {string[]} file
 * @property {Float64Array} line
 * @property {string[]} module
 * @property {Float64Array} id
 *
 * @typedef {Object} Frames columns of indexes into the model's strings
 * @property {number} count
 * @property {Int32Array} parent
 * @property {Int32Array} functionName
 * @property {Int32Array} file
 * @property {Float64Array} line
 * @property {Int32Array} module
 * @property {Float64Array} flags
 *
 * @typedef {Object} Sites
 * @property {number} count
 * @property {Int32Array} frame
 * @property {Int32Array} type
 * @property {Int32Array} line
 * @property {Int32Array} family
 * @property {Record<string, Float64Array>} columns
 *
 * @typedef {Object} Families
 * @property {number} count
 * @property {string[]} name
 * @property {Record<string, Float64Array>} columns
 *
 * @typedef {{by: string, index: number, live: Float64Array}} SeriesRow
 * @typedef {{ms: number, kind: string, text: string}} Mark
 *
 * @typedef {Object} Series
 * @property {Float64Array} ms
 * @property {Float64Array} live
 * @property {Float64Array} blocks
 * @property {Float64Array} committed
 * @property {Float64Array} resident
 * @property {Float64Array} majorFaults
 * @property {Float64Array} minorFaults
 * @property {Float64Array} allocations
 * @property {SeriesRow[]} rows
 * @property {Mark[]} marks
 *
 * @typedef {{saves: number, text: string, type: number, line: number, kind: string}} Hint
 * @typedef {{type: number, line: number, perHour: number, steadyMs: number, limitMs: number | null}} Suspect
 * @typedef {{name: string, type: string, offset: number, bytes: number, bits: number | null}} Field
 * @typedef {{type: number, bytes: number, better: number | null, fields: Field[]}} Layout
 *
 * @typedef {Object} Model
 * @property {string} kind report, live or diff
 * @property {string} version of lmm
 * @property {boolean} isWaiting names and types are still being looked up, so there are no rows yet
 * @property {Process} process
 * @property {Totals} totals
 * @property {LeakCheck | null} leakCheck
 * @property {string[]} strings
 * @property {Types} types
 * @property {Lines} lines
 * @property {Frames} frames
 * @property {Sites} sites
 * @property {Families} families
 * @property {Series | null} series null: nothing was sampled
 * @property {Hint[]} hints
 * @property {Suspect[]} suspects
 * @property {Layout[]} layouts
 * @property {string[]} notes
 * @property {{process: Process, totals: Totals} | null} before
 */

/**
 * Checks a document and turns it into a model.
 * @param {any} document what JSON.parse() returned
 * @returns {Model}
 * @throws {BadDocument} with a sentence for the reader
 */
export function readModel(document) {
    const root = objectIn(document, 'the document');
    if (root.schema !== 'lmm-page') {
        reject('the document', 'is not one that this page can show');
    }
    if (root.schema_version !== 2) {
        reject('the document', `has version ${Number(root.schema_version)}; this page reads version 2`);
    }
    const strings = arrayIn(root.strings, 'strings').map((text, i) => textIn(text, `strings[${i}]`));
    const types = readTypes(objectIn(root.types, 'types'), strings);
    const lines = readLines(objectIn(root.lines, 'lines'), strings);
    const frames = readFrames(objectIn(root.frames, 'frames'), objectIn(root.calls, 'calls'), strings.length);
    const families = readFamilies(objectIn(root.families, 'families'), strings);
    const bounds = {type: types.count, line: lines.count};
    return {
        kind: wordIn(root.kind, 'kind', ['report', 'live', 'diff']),
        version: textIn(root.lmm, 'lmm'),
        isWaiting: root.names === 'waiting',
        process: readProcess(objectIn(root.process, 'process')),
        totals: readTotals(objectIn(root.totals, 'totals')),
        leakCheck: root.leak_check ? readLeakCheck(objectIn(root.leak_check, 'leak_check')) : null,
        strings, types, lines, frames, families,
        sites: readSites(objectIn(root.sites, 'sites'), types.count, lines.count, frames.count, families.count),
        series: root.series ? readSeries(objectIn(root.series, 'series'), bounds) : null,
        hints: arrayIn(root.hints, 'hints').map((hint, i) => readHint(hint, `hints[${i}]`, bounds)),
        suspects: arrayIn(root.suspects, 'suspects').map((one, i) => readSuspect(one, `suspects[${i}]`, bounds)),
        layouts: arrayIn(root.layouts || [], 'layouts').map((one, i) => readLayout(one, `layouts[${i}]`, types.count)),
        notes: arrayIn(root.notes || [], 'notes').map((note, i) => textIn(note, `notes[${i}]`)),
        before: root.before ? readBefore(objectIn(root.before, 'before')) : null,
    };
}

/**
 * @param {any} part
 * @returns {{process: Process, totals: Totals}}
 */
function readBefore(part) {
    return {
        process: readProcess(objectIn(part.process, 'before.process')),
        totals: readTotals(objectIn(part.totals, 'before.totals')),
    };
}

/**
 * @param {any} part
 * @returns {Process}
 */
function readProcess(part) {
    return {
        program: textIn(part.program, 'process.program'),
        command: arrayIn(part.command || [], 'process.command').map((word) => textIn(word, 'process.command')),
        pid: figureIn(part.pid, 'process.pid'),
        state: wordIn(part.state, 'process.state', ['lost', 'running', 'exited', 'killed', 'replaced']),
        exitStatus: knownIn(part.exit_status, 'process.exit_status'),
        signal: knownIn(part.signal, 'process.signal'),
        signalName: textIn(part.signal_name, 'process.signal_name'),
        startNs: figureIn(part.start_time_ns, 'process.start_time_ns'),
        endNs: figureIn(part.end_time_ns, 'process.end_time_ns'),
        madeNs: figureIn(part.made_time_ns, 'process.made_time_ns'),
        runNs: knownIn(part.run_ns, 'process.run_ns'),
        isTyped: part.is_typed === true,
        stackFrames: figureIn(part.stack_frames, 'process.stack_frames'),
        limitBytes: knownIn(part.limit_bytes, 'process.limit_bytes'),
        limitSource: wordIn(part.limit_source, 'process.limit_source', ['', 'cgroup', 'option']),
    };
}

/**
 * @param {any} part
 * @returns {Totals}
 */
export function readTotals(part) {
    /** @type {any} */
    const totals = {};
    for (const name of TOTALS) {
        totals[name] = figureIn(part[name], `totals.${name}`);
    }
    totals.residentBytes = knownIn(part.resident_bytes, 'totals.resident_bytes');
    totals.maxResidentBytes = knownIn(part.max_resident_bytes, 'totals.max_resident_bytes');
    return totals;
}

/**
 * @param {any} part
 * @returns {LeakCheck}
 */
function readLeakCheck(part) {
    /** @type {Record<string, Amount>} */
    const classes = {};
    for (const name of CLASSES) {
        const amount = objectIn(part[name], `leak_check.${name}`);
        classes[name] = {
            bytes: figureIn(amount.bytes, `leak_check.${name}.bytes`),
            blocks: figureIn(amount.blocks, `leak_check.${name}.blocks`),
        };
    }
    return {
        timeNs: figureIn(part.time_ns, 'leak_check.time_ns'),
        isAtExit: part.is_at_exit === true,
        failure: textIn(part.failure, 'leak_check.failure'),
        classes,
    };
}

/**
 * A column of texts.
 * @param {any} value
 * @param {string} where
 * @param {number} length
 * @param {string[]} strings
 * @returns {string[]}
 */
function readNames(value, where, length, strings) {
    return Array.from(indexesIn(value, where, length, 0, strings.length), (index) => strings[index]);
}

/**
 * @param {any} part
 * @param {string[]} strings
 * @returns {Types}
 */
function readTypes(part, strings) {
    const count = arrayIn(part.name, 'types.name').length;
    const evidence = arrayIn(part.evidence, 'types.evidence');
    if (evidence.length !== count) {
        reject('types.evidence', `has ${evidence.length} rows instead of ${count}`);
    }
    return {
        count,
        name: readNames(part.name, 'types.name', count, strings),
        confidence: wordsIn(part.confidence, 'types.confidence', count, ['none', 'guess', 'likely', 'certain']),
        evidence: evidence.map((words) => arrayIn(words, 'types.evidence').map((w) => textIn(w, 'types.evidence'))),
        bytes: figuresIn(part.bytes, 'types.bytes', count),
        file: readNames(part.file, 'types.file', count, strings),
        line: figuresIn(part.line, 'types.line', count),
        gap: wordsIn(part.gap, 'types.gap', count,
            ['', 'unknown', 'no debug information', 'file missing', 'library']),
        lacking: readNames(part.lacking, 'types.lacking', count, strings),
    };
}

/**
 * @param {any} part
 * @param {string[]} strings
 * @returns {Lines}
 */
function readLines(part, strings) {
    const count = arrayIn(part.file, 'lines.file').length;
    return {
        count,
        functionName: readNames(part.function, 'lines.function', count, strings),
        file: readNames(part.file, 'lines.file', count, strings),
        line: figuresIn(part.line, 'lines.line', count),
        module: readNames(part.module, 'lines.module', count, strings),
        id: figuresIn(part.id, 'lines.id', count),
    };
}

/**
 * Frames with the names of their calls.
 * @param {any} part
 * @param {any} calls
 * @param {number} strings how many there are
 * @returns {Frames}
 */
function readFrames(part, calls, strings) {
    const count = arrayIn(part.up, 'frames.up').length;
    const most = arrayIn(calls.function, 'calls.function').length;
    const parent = new Int32Array(count);
    figuresIn(part.up, 'frames.up', count).forEach((up, i) => {
        if (up > i) {
            reject(`frames.up[${i}]`, 'leads to no lower row');
        }
        parent[i] = up === 0 ? -1 : i - up;
    });
    const call = indexesIn(part.call, 'frames.call', count, 0, most);
    const indexes = (/** @type {string} */ name) => indexesIn(calls[name], `calls.${name}`, most, 0, strings);
    const functionName = indexes('function');
    const file = indexes('file');
    const module = indexes('module');
    const line = figuresIn(calls.line, 'calls.line', most);
    const flags = figuresIn(calls.flags, 'calls.flags', most);
    const own = figuresIn(part.flags, 'frames.flags', count);
    return {
        count, parent,
        functionName: call.map((one) => functionName[one]), file: call.map((one) => file[one]),
        module: call.map((one) => module[one]), line: Float64Array.from(call, (one) => line[one]),
        flags: own.map((bits, i) => bits + flags[call[i]]),
    };
}

/**
 * @param {any} part
 * @param {number} types
 * @param {number} lines
 * @param {number} frames
 * @param {number} families
 * @returns {Sites}
 */
function readSites(part, types, lines, frames, families) {
    const count = arrayIn(part.frame, 'sites.frame').length;
    return {
        count,
        frame: indexesIn(part.frame, 'sites.frame', count, -1, frames),
        type: indexesIn(part.type, 'sites.type', count, 0, types),
        line: indexesIn(part.line, 'sites.line', count, 0, lines),
        family: indexesIn(part.family, 'sites.family', count, -1, families),
        columns: readColumns(part, 'sites', SITE_COLUMNS, count),
    };
}

/**
 * @param {any} part
 * @param {string} where
 * @param {string[]} names
 * @param {number} count
 * @returns {Record<string, Float64Array>}
 */
function readColumns(part, where, names, count) {
    /** @type {Record<string, Float64Array>} */
    const columns = {};
    for (const name of names) {
        columns[name] = figuresIn(part[name], `${where}.${name}`, count);
    }
    return columns;
}

/**
 * @param {any} part
 * @param {string[]} strings
 * @returns {Families}
 */
function readFamilies(part, strings) {
    const count = arrayIn(part.name, 'families.name').length;
    return {
        count,
        name: readNames(part.name, 'families.name', count, strings),
        columns: readColumns(part, 'families', FAMILY_COLUMNS, count),
    };
}

/**
 * @param {any} part
 * @param {{type: number, line: number}} bounds
 * @returns {Series | null} null without a point
 */
export function readSeries(part, bounds) {
    const count = arrayIn(part.time_ms, 'series.time_ms').length;
    const ms = figuresIn(part.time_ms, 'series.time_ms', count);
    for (let i = 1; i < count; i++) {
        if (ms[i] < ms[i - 1]) {
            reject(`series.time_ms[${i}]`, 'goes back');
        }
    }
    const column = (/** @type {string} */ name) => figuresIn(part[name], `series.${name}`, count);
    const series = {
        ms,
        live: column('live_bytes'), blocks: column('live_blocks'),
        committed: column('committed_bytes'), resident: column('resident_bytes'),
        majorFaults: column('major_faults'), minorFaults: column('minor_faults'),
        allocations: column('allocations'),
        rows: arrayIn(part.rows, 'series.rows').map((row, i) => readSeriesRow(row, `series.rows[${i}]`, count, bounds)),
        marks: arrayIn(part.marks, 'series.marks').map((mark, i) => readMark(mark, `series.marks[${i}]`)),
    };
    return count > 0 ? series : null;
}

/**
 * @param {any} value
 * @param {string} where
 * @param {number} count
 * @param {{type: number, line: number}} bounds
 * @returns {SeriesRow}
 */
function readSeriesRow(value, where, count, bounds) {
    const row = objectIn(value, where);
    const by = wordIn(row.by, `${where}.by`, ['type', 'line']);
    const end = by === 'type' ? bounds.type : bounds.line;
    return {
        by,
        index: wholeIn(row.index, `${where}.index`, 0, end),
        live: row.changes === undefined ? figuresIn(row.live_bytes, `${where}.live_bytes`, count)
            : sumsIn(row.changes, `${where}.changes`, count),
    };
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {Mark}
 */
function readMark(value, where) {
    const mark = objectIn(value, where);
    return {
        ms: figureIn(mark.time_ms, `${where}.time_ms`),
        kind: wordIn(mark.kind, `${where}.kind`, MARKS),
        text: textIn(mark.text, `${where}.text`),
    };
}

/**
 * @param {any} value
 * @param {string} where
 * @param {{type: number, line: number}} bounds
 * @returns {Hint}
 */
function readHint(value, where, bounds) {
    const hint = objectIn(value, where);
    return {
        saves: figureIn(hint.saves_bytes, `${where}.saves_bytes`),
        text: textIn(hint.text, `${where}.text`),
        kind: textIn(hint.kind, `${where}.kind`),
        type: wholeIn(hint.type, `${where}.type`, -1, bounds.type),
        line: wholeIn(hint.line, `${where}.line`, -1, bounds.line),
    };
}

/**
 * @param {any} value
 * @param {string} where
 * @param {{type: number, line: number}} bounds
 * @returns {Suspect}
 */
function readSuspect(value, where, bounds) {
    const suspect = objectIn(value, where);
    return {
        type: wholeIn(suspect.type, `${where}.type`, -1, bounds.type),
        line: wholeIn(suspect.line, `${where}.line`, -1, bounds.line),
        perHour: figureIn(suspect.bytes_per_hour, `${where}.bytes_per_hour`),
        steadyMs: figureIn(suspect.steady_ms, `${where}.steady_ms`),
        limitMs: knownIn(suspect.reaches_limit_ms, `${where}.reaches_limit_ms`),
    };
}

/**
 * @param {any} value
 * @param {string} where
 * @param {number} types
 * @returns {Layout}
 */
function readLayout(value, where, types) {
    const layout = objectIn(value, where);
    const fields = arrayIn(layout.fields, `${where}.fields`).map((one, i) => {
        const field = objectIn(one, `${where}.fields[${i}]`);
        return {
            name: textIn(field.name, `${where}.fields[${i}].name`),
            type: textIn(field.type, `${where}.fields[${i}].type`),
            offset: figureIn(field.offset, `${where}.fields[${i}].offset`),
            bytes: figureIn(field.bytes, `${where}.fields[${i}].bytes`),
            bits: knownIn(field.bits, `${where}.fields[${i}].bits`),
        };
    });
    return {
        type: wholeIn(layout.type, `${where}.type`, 0, types),
        bytes: figureIn(layout.bytes, `${where}.bytes`),
        better: knownIn(layout.better_bytes, `${where}.better_bytes`),
        fields,
    };
}
