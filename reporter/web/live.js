// SPDX-License-Identifier: MIT
/**
 * live: the page of `lmm serve`. It asks the server that it came from, follows its events, and
 * says when the server no longer answers. The address after # is the process that is shown.
 */
import {BadDocument} from './check.js';
import {ProcessList, drawProcesses} from './processes.js';
import {applyDelta} from './delta.js';
import {el} from './dom.js';
import {momentText} from './text.js';
import {readModel} from './model.js';
import {tabsOf} from './tables.js';

const BASE = 'api/v1/';
const UNKNOWN_ID = 401;

/**
 * @typedef {Object} Page what live pages draw with
 * @property {Element} root
 * @property {(model: import('./model.js').Model, tools: HTMLElement[],
 *     asks: import('./drawer.js').Asks | null) => import('./state.js').Store} showModel
 * @property {(error: unknown) => void} showFailure
 */

/**
 * Follows the address, now and when it changes.
 * @param {Page} page
 */
export function startLive(page) {
    let stop = () => {};
    const go = () => {
        stop();
        const [id, mark] = window.location.hash.slice(1).split('/').map(decodeURIComponent);
        window.scrollTo(0, 0);
        if (!id) {
            stop = followList(page);
        } else if (mark) {
            stop = showDifference(page, id, mark);
        } else {
            stop = followProcess(page, id);
        }
    };
    window.addEventListener('hashchange', go);
    // So that the browser does not ask the server for a picture.
    document.head.append(el('link', {rel: 'icon', href: 'data:,'}));
    go();
}

/**
 * Asks the server.
 * @param {string} path
 * @param {any} [body] of a POST
 * @returns {Promise<any>}
 */
async function ask(path, body) {
    const options = body === undefined ? {} : {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
    };
    const answer = await fetch(BASE + path, options);
    if (answer.status === UNKNOWN_ID) {
        throw new BadDocument('the server asks for its token: open the address that lmm serve has printed');
    }
    const document = await answer.json();
    if (!answer.ok) {
        throw new BadDocument(String(document.error || `the server answers ${answer.status}`).replace(/\.$/, ''));
    }
    return document;
}

/**
 * What is said while the server does not answer.
 * @returns {string}
 */
function silence() {
    return `The server has not answered since ${momentText(Date.now() * 1e6)}; the figures are of then. Trying again.`;
}

/**
 * Shows the list of processes.
 * @param {Page} page
 * @returns {() => void} ends it
 */
function followList(page) {
    const list = new ProcessList();
    const events = new EventSource(BASE + 'events');
    let connection = '';
    const draw = () => {
        drawProcesses(page.root, list, connection);
        markReady();
    };
    const take = (/** @type {(data: any) => void} */ use) => (/** @type {any} */ event) => {
        connection = '';
        use(JSON.parse(event.data));
        draw();
    };
    ask('processes').then((document) => {
        if (list.known.size === 0) {
            list.replace(document);
            draw();
        }
    }).catch(page.showFailure);
    events.addEventListener('processes', take((document) => list.replace(document)));
    events.addEventListener('changes', take((changes) => list.change(changes)));
    events.addEventListener('error', () => {
        connection = connection || silence();
        draw();
    });
    document.title = 'LMM';
    return () => events.close();
}

/** Tells tests, and nobody else, that the first picture is drawn. */
function markReady() {
    if (!document.documentElement.dataset.ready) {
        document.documentElement.dataset.ready = String(Math.round(performance.now()));
    }
}

/**
 * Shows one process for as long as it lives, and after.
 * @param {Page} page
 * @param {string} id
 * @returns {() => void} ends it
 */
function followProcess(page, id) {
    const follower = new Follower(page, id);
    follower.start().catch(page.showFailure);
    return () => follower.stop();
}

/**
 * Compares a process with an earlier moment of it.
 * @param {Page} page
 * @param {string} id
 * @param {string} mark
 * @returns {() => void} ends it
 */
function showDifference(page, id, mark) {
    ask(`processes/${encodeURIComponent(id)}/diff?mark=${encodeURIComponent(mark)}`).then((document) => {
        const back = el('a', {href: '#' + encodeURIComponent(id)}, ['Back to the live figures']);
        page.showModel(readModel(document), [back], null);
        markReady();
    }).catch(page.showFailure);
    return () => {};
}

/**
 * What is said above the figures of a model that has just come.
 * @param {import('./model.js').Model} model
 * @returns {string}
 */
function connectionOf(model) {
    return model.isWaiting ? 'Names and types are being looked up; the rows come when they are known.' : '';
}

/**
 * Whether two models of a process have the same tables, so that what the reader chose still holds.
 * @param {import('./model.js').Model} a
 * @param {import('./model.js').Model} b
 * @returns {boolean}
 */
function isAlike(a, b) {
    const tabs = (/** @type {import('./model.js').Model} */ model) => tabsOf(model).map((tab) => tab.id).sort().join();
    return a.isWaiting === b.isWaiting && tabs(a) === tabs(b);
}

/** One process, its document and its events. */
class Follower {
    /**
     * @param {Page} page
     * @param {string} id
     */
    constructor(page, id) {
        this.page = page;
        this.id = id;
        this.path = `processes/${encodeURIComponent(id)}`;
        /** @type {any} */
        this.document = null;
        /** @type {import('./state.js').Store | null} */
        this.store = null;
        /** @type {EventSource | null} */
        this.events = null;
        this.isPaused = false;
        this.isHeld = false;
        this.isStopped = false;
        this.isBehind = false;
        this.isSilent = false;
        this.said = el('span.dim', {role: 'status'});
        this.pause = el('button', {type: 'button', onclick: () => this.togglePause()}, ['Pause']);
        this.hold = () => {
            this.isHeld = true;
        };
        this.release = () => {
            this.isHeld = false;
            // The click that ends with this release still needs its element.
            setTimeout(() => this.catchUp(), 0);
        };
    }

    async start() {
        this.document = await ask(this.path);
        if (this.isStopped) {
            return;
        }
        const model = readModel(this.document);
        document.title = `${model.process.program} (${model.process.pid}): LMM`;
        this.show(model);
        markReady();
        window.addEventListener('pointerdown', this.hold);
        window.addEventListener('pointerup', this.release);
        window.addEventListener('pointercancel', this.release);
        this.listen();
    }

    /** @param {import('./model.js').Model} model is shown from the start */
    show(model) {
        this.store = this.page.showModel(model, this.tools(), {
            pages: (query) => ask(`${this.path}/pages?${query}`),
            holders: (row) => ask(`${this.path}/holders`, row),
        });
        this.store.set({connection: connectionOf(model)});
    }

    stop() {
        this.isStopped = true;
        if (this.events) {
            this.events.close();
        }
        window.removeEventListener('pointerdown', this.hold);
        window.removeEventListener('pointerup', this.release);
        window.removeEventListener('pointercancel', this.release);
    }

    /** @returns {HTMLElement[]} */
    tools() {
        return [
            el('a', {href: '#'}, ['All processes']), this.pause,
            this.button('Leak check', 'stops the process for a moment and looks for blocks that nothing points to',
                () => this.checkLeaks()),
            this.button('Mark', 'remembers this moment, to compare with it later', () => this.mark()),
            this.said,
        ];
    }

    /**
     * @param {string} word
     * @param {string} says
     * @param {() => Promise<void>} act
     * @returns {HTMLElement}
     */
    button(word, says, act) {
        const onclick = () => act().catch((error) => this.say(error.message));
        return el('button', {type: 'button', title: says, onclick}, [word]);
    }

    listen() {
        const {sequence} = this.document;
        const since = Number.isInteger(sequence) ? `?since=${sequence}` : '';
        const events = new EventSource(`${BASE}${this.path}/events${since}`);
        this.events = events;
        events.addEventListener('document', (event) => this.take(/** @type {any} */ (event).data, (document) => {
            this.document = document;
        }));
        events.addEventListener('delta', (event) => this.take(/** @type {any} */ (event).data,
            (delta) => applyDelta(this.document, delta)));
        events.addEventListener('gone', () => {
            events.close();
            this.setConnection('The server no longer lists this process; these are its last figures.');
        });
        events.addEventListener('error', () => {
            if (this.store && !this.isSilent) {
                this.isSilent = true;
                this.setConnection(silence());
            }
        });
    }

    /**
     * Takes an event; one that does not fit is answered by asking for the whole document.
     * @param {string} text
     * @param {(data: any) => void} use
     */
    take(text, use) {
        try {
            use(JSON.parse(text));
            this.isSilent = false;
            this.isBehind = true;
            this.catchUp();
        } catch (error) {
            this.begin(error);
        }
    }

    /** @param {unknown} error */
    begin(error) {
        console.warn(error);
        if (this.events) {
            this.events.close();
        }
        ask(this.path).then((document) => {
            if (!this.isStopped) {
                this.document = document;
                this.isBehind = true;
                this.catchUp();
                this.listen();
            }
        }).catch((failure) => this.setConnection(failure.message));
    }

    /** Shows what has come, unless the reader holds the page. */
    catchUp() {
        if (this.isBehind && !this.isPaused && !this.isHeld && !this.isStopped && this.store) {
            this.isBehind = false;
            const model = readModel(this.document);
            if (isAlike(model, this.store.now.model)) {
                this.store.set({model, connection: connectionOf(model)});
            } else {
                this.show(model);
            }
        }
    }

    togglePause() {
        this.isPaused = !this.isPaused;
        this.pause.textContent = this.isPaused ? 'Go on' : 'Pause';
        this.catchUp();
    }

    /** @param {string} connection */
    setConnection(connection) {
        if (this.store && !this.isStopped) {
            this.store.set({connection});
        }
    }

    /** @param {string | HTMLElement} text */
    say(text) {
        this.said.replaceChildren(text);
    }

    async checkLeaks() {
        this.say('Leak check: asked.');
        const {leak_check: check} = await ask(`${this.path}/leaks`, {});
        this.say(check && !check.failure ? 'Leak check: done.' : `Leak check: ${check ? check.failure : 'not done'}.`);
        if (this.store && check) {
            this.store.set({tab: 'leaks'});
        }
    }

    async mark() {
        const {number} = await ask(`${this.path}/marks`, {});
        const link = el('a', {href: `#${encodeURIComponent(this.id)}/${encodeURIComponent(String(number))}`},
            [`Compare with mark ${number}`]);
        this.say(link);
    }
}
