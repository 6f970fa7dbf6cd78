/* SPDX-License-Identifier: MIT */
/*
 * starts: which processes this one starts, and what it becomes by exec, for a report that says what it
 * did not see.
 *
 * The number of started processes is in the ledger. With the option starts=PATH each event is also a
 * line at the end of that file, which processes share: a letter, a PID, the time in nanoseconds since
 * 1970, and a path.
 *
 *   f   the process was made by fork; no path
 *   x   the process calls exec; ! no path: that exec failed
 *   s   the process was made by posix_spawn
 *   c   a shell was started by system or popen; its PID is not known, so it is 0
 *
 * fork, posix_spawn, system and popen are noticed however they are called, vfork by the exec that
 * follows. With children=0 only the first lines are needed, for names; the file stays short.
 *
 * Any thread, also in the child of vfork; async-signal-safe. Locks: none.
 */
#ifndef LMM_PRELOAD_STARTS_H
#define LMM_PRELOAD_STARTS_H

/* The process calls exec with that path, or a name to be searched for. */
void lmm_starts_note_exec(const char *path);

/* It has failed. */
void lmm_starts_note_exec_failed(void);

#endif
