/* SPDX-License-Identifier: MIT */
/*
 * tags: who reads the number of a site finds the site's record.
 *
 * One thread writes the record of a new site, makes it known in a table, whose entry was used before, and
 * stores the site's number in a tag. A second thread finds it in the table, and stores it in a tag of its
 * own. A reader finds the number in one of the tags, and reads the record. RELEASE_TAG: a thread that opens a
 * site passes a release fence before it stores tags (lmm_heap_open_sites()). ACQUIRE_TAG: the reader passes an
 * acquire fence after it has read a tag (lmm_series_records()). RELEASE_ENTRY: the value of an entry is
 * stored with release order, and loaded with acquire order (lmm_table_put_locked(), lmm_table_search()).
 */
#define THREADS 2
#define WORDS   4

#define RECORD  0
#define ENTRY   1 /* its key was stored long ago */
#define TAG     2 /* of the first thread */
#define TAG_TOO 3 /* of the second thread */

#include "weak.pml"

active proctype first()
{
    store(0, RECORD, 1, false);
    store(0, ENTRY, 1, RELEASE_ENTRY);
    if
    :: RELEASE_TAG -> fence_release(0)
    :: else
    fi;
    store(0, TAG, 1, false)
}

active proctype second()
{
    byte record;
    bool has_record = false;

    if
    :: !RELEASE_ENTRY -> record = memory[RECORD]; has_record = true
    :: true
    fi;
    memory[ENTRY] == 1;
    if
    :: !has_record -> record = memory[RECORD]
    :: else
    fi;
    assert(record == 1);
    store(1, TAG_TOO, 1, false)
}

active proctype reader()
{
    byte record;
    byte tag;
    bool has_record = false;

    if
    :: !ACQUIRE_TAG -> record = memory[RECORD]; has_record = true
    :: true
    fi;
    if
    :: tag = memory[TAG]
    :: tag = memory[TAG_TOO]
    fi;
    if
    :: !has_record -> record = memory[RECORD]
    :: else
    fi;
    assert(tag == 0 || record == 1)
}

init
{
    run drain(0);
    run drain(1)
}
