// SPDX-License-Identifier: MIT
/** A small document for the tests of the pure modules. */

/**
 * Two types, two lines, three stacks: main calls a (twice, at two lines) and b; b calls a.
 * @param {Record<string, any>} [changes] members that replace those of the document
 * @returns {any}
 */
export function smallDocument(changes) {
    return {
        schema: 'lmm-page', schema_version: 2, lmm: '1', kind: 'report',
        process: {
            program: 'small', command: ['small'], pid: 7, state: 'exited', exit_status: 0,
            start_time_ns: 1000000, end_time_ns: 2001000000, made_time_ns: 2001000000, run_ns: null,
        },
        totals: {
            live_bytes: 30, live_blocks: 3, peak_bytes: 60, peak_time_ns: 1500000000, allocated_bytes: 90,
            allocations: 9, frees: 6, temporaries: 2, committed_bytes: 4096,
        },
        leak_check: null,
        strings: ['', 'main', 'a', 'b', 'small.c', '/usr/bin/small', 'struct node', 'unknown'],
        types: {
            name: [6, 7], confidence: ['certain', 'none'], evidence: [['source'], []], bytes: [8, 0],
            file: [4, 0], line: [3, 0], gap: ['', 'unknown'], lacking: [0, 0],
        },
        lines: {function: [2, 3], file: [4, 4], line: [10, 20], module: [5, 5], id: [60, 61]},
        calls: {function: [1, 2, 1, 3], file: [4, 4, 4, 4], line: [30, 10, 31, 20], module: [5, 5, 5, 5], flags: [0, 0, 0, 1]},
        frames: {up: [0, 1, 0, 1, 2, 1], call: [0, 1, 2, 1, 3, 1], flags: [0, 0, 0, 0, 0, 0]},
        sites: {
            frame: [1, 3, 5, -1], type: [0, 0, 1, 1], line: [0, 0, 0, 1], family: [-1, -1, -1, -1],
            live_bytes: [10, 20, 0, 0], live_blocks: [1, 2, 0, 0], peak_bytes: [10, 20, 25, 5],
            peak_blocks: [1, 2, 5, 1], allocated_bytes: [20, 20, 40, 10], allocations: [2, 2, 4, 1],
        },
        families: {name: [], bytes: []},
        series: {
            time_ms: [0, 100, 200, 400], live_bytes: [0, 40, 60, 30],
            rows: [
                {by: 'type', index: 1, live_bytes: [0, 10, 30, 0]}, {by: 'type', index: 0, live_bytes: [0, 30, 30, 40]},
                {by: 'line', index: 0, live_bytes: [0, 0, 0, 0]},
            ],
            marks: [{time_ms: 200, kind: 'peak', text: ''}],
        },
        hints: [], suspects: [], before: null, ...changes,
    };
}
