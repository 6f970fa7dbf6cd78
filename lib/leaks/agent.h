/* SPDX-License-Identifier: MIT */
/*
 * agent: answers questions that other processes ask about this one's leaks.
 *
 * A process that has a ledger file takes a real-time signal that nobody else uses, and names it in
 * the ledger. Without a question nothing else happens. When the signal comes with the value
 * LMM_LEDGER_SIGNAL_VALUE, its handler starts a thread of LMM's own (ground/bare_thread), which listens
 * on a local socket beside the ledger, and ends after some seconds without a question. The socket has a name only
 * until somebody has connected; each signal makes it again. A process
 * that may send the signal may ask; the thread answers only its own user and root.
 *
 * A question is one line, an answer is one line: "ok" with figures, or "error", an errno, and the
 * reason. What a check finds is in the ledger, where the one who asked reads it.
 *
 * Owns the signal, the thread and the socket. Invariants (tests/ledger/agent.py):
 *   I1  without a question there is no thread, no socket and no descriptor; after one, no name of a socket
 *   I2  the signal does what it would do without LMM when it comes without the value
 * Locks: none; those of check. Not responsible for: the check (check), marks (since).
 */
#ifndef LMM_AGENT_H
#define LMM_AGENT_H

#include "lib/ground/base.h"

/* Takes the signal, unless the option signal=0 forbids it, no signal is free, or the process has no
 * ledger file. LMM has started; the first call counts. */
void lmm_agent_watch(void);

/* Answers the question "attach" or "detach" (docs/ledger-format.md): whether the process's calls shall come to LMM.
 * False: it cannot be done. Runs in the agent's thread, which has no variables of libc's. */
typedef bool lmm_agent_switch(bool on);
void lmm_agent_set_switch(lmm_agent_switch *change);

#endif
