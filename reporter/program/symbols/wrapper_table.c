/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/wrapper_table.h"

#include <stddef.h>

#define PATTERNS(...)                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

const struct lmm_wrapper_group lmm_wrapper_table[] = {
    {"C++", PATTERNS("operator new*", "allocate", "reallocate", "do_allocate")},
    {"Rust", PATTERNS("__rust_alloc*", "__rust_realloc", "__rdl_*", "__rg_*")},
    {"GNU", PATTERNS("xnmalloc", "xinmalloc", "x2realloc", "x2nrealloc", "xpalloc", "xcharalloc",
                     "ximalloc", "xicalloc", "xirealloc", "ximemdup*", "xmallocz*", "xmemdup*",
                     "rpl_malloc", "rpl_calloc", "rpl_realloc", "_obstack_begin*",
                     "_obstack_newchunk", "_obstack_allocate")},
    {"GLib", PATTERNS("g_malloc*", "g_try_malloc*", "g_realloc*", "g_try_realloc*", "g_strdup*",
                      "g_strndup", "g_memdup*", "g_slice_alloc*", "g_slice_copy",
                      "g_aligned_alloc*", "g_strconcat", "g_strjoin*")},
    {"OpenSSL", PATTERNS("CRYPTO_*alloc*", "CRYPTO_strdup", "CRYPTO_strndup", "CRYPTO_memdup",
                         "OPENSSL_*alloc*", "OPENSSL_*dup", "BUF_*dup", "default_malloc_ex")},
    {"nginx", PATTERNS("ngx_alloc", "ngx_calloc", "ngx_memalign", "ngx_palloc*", "ngx_pnalloc",
                       "ngx_pcalloc", "ngx_pmemalign", "ngx_pstrdup", "ngx_create_pool",
                       "ngx_slab_*alloc*")},
    {"Apache",
     PATTERNS("apr_palloc*", "apr_pcalloc*", "apr_pstrdup", "apr_pstrmemdup", "apr_pmemdup",
              "apr_allocator_alloc", "allocator_alloc", "apr_pool_create_ex*")},
    {"redis", PATTERNS("z*alloc_usable*", "ztry*alloc*", "zcalloc_num", "zmalloc_no_tcache",
                       "z*alloc_with_flags", "z*alloc_cache_aligned")},
    {"Xlib", PATTERNS("XtMalloc*", "XtCalloc", "XtRealloc*", "XtAsprintf", "__XtMalloc",
                      "__XtCalloc", "_XtHeapAlloc", "Xmalloc", "Xcalloc", "Xrealloc")},
    {"libpng", PATTERNS("png_malloc*", "png_calloc", "png_zalloc", "png_realloc_array")},
    {"libxml2", PATTERNS("xmlStrdup", "xmlStrndup", "xmlMalloc*", "xmlRealloc*", "xmlMem*alloc*",
                         "xmlMemStrdup*")},
    {"vim", PATTERNS("lalloc*", "alloc_clear*", "alloc_id", "vim_str*save*", "vim_memsave")},
    {"LLVM",
     PATTERNS("grow_pod", "mallocForGrow", "replaceAllocation", "safe_malloc", "safe_calloc",
              "safe_realloc", "allocate_buffer", "StartNewSlab", "AllocateSlow")},
    {"CPython",
     PATTERNS("PyMem_*", "_PyMem_*", "PyObject_Malloc", "PyObject_Calloc", "PyObject_Realloc",
              "_PyObject_Malloc", "_PyObject_Calloc", "_PyObject_Realloc", "_PyObject_GC_*",
              "PyObject_GC_*", "gc_alloc", "_PyObject_New*", "PyObject_New*", "PyType_GenericAlloc",
              "_PyType_AllocNoTrack", "pymalloc_*", "new_arena", "allocate_from_new_pool",
              "_PyObject_Arena*")},
    {"Perl", PATTERNS("Perl_safesys*", "Perl_savepv*", "Perl_savesvpv", "Perl_more_bodies",
                      "S_more_sv", "Perl_more_sv")},
    {"Ruby", PATTERNS("ruby_x*alloc*", "rb_x*alloc*", "objspace_x*alloc*", "rb_alloc_tmp_buffer*")},
    {"Tcl", PATTERNS("Tcl_Alloc", "Tcl_AttemptAlloc", "Tcl_Realloc", "Tcl_AttemptRealloc",
                     "TclpAlloc", "TclpRealloc", "Tcl_DbCkalloc", "TclAllocateFreeObjects")},
    {"Lua", PATTERNS("l_alloc", "luaM_*", "luaC_newobj*", "lj_mem_*", "lj_alloc_*")},
    {"janet", PATTERNS("janet_malloc", "janet_calloc", "janet_realloc", "janet_gcalloc",
                       "janet_smalloc", "janet_scalloc", "janet_srealloc")},
    {"MySQL", PATTERNS("my_*malloc", "my_realloc", "my_memdup", "my_str*dup", "alloc_root",
                       "multi_alloc_root", "strdup_root", "strmake_root", "memdup_root",
                       "sql_*alloc", "AllocBlock", "ForceNewBlock", "AllocSlow", "mem_heap_*alloc*",
                       "mem_heap_create*", "mem_heap_add_block", "ut_malloc*", "ut_zalloc*")},
    {"PostgreSQL", PATTERNS("palloc*", "repalloc*", "pstrdup", "pnstrdup", "MemoryContextAlloc*",
                            "MemoryContextStrdup", "AllocSet*", "SlabAlloc", "GenerationAlloc*",
                            "pg_malloc*", "pg_realloc", "guc_malloc", "guc_strdup")},
    {"SQLite",
     PATTERNS("sqlite3*Malloc*", "sqlite3_malloc*", "sqlite3*Realloc*", "sqlite3_realloc*",
              "sqlite3DbStrDup", "sqlite3DbStrNDup", "dbMalloc*", "dbRealloc*", "mallocWithAlarm")},
    {"jq", PATTERNS("jv_mem_*alloc*", "jv_mem_strdup*")},
    {"Samba", PATTERNS("talloc_*alloc*", "_talloc*", "talloc_*dup", "talloc_strndup", "__talloc*")},
    {"Java", PATTERNS("AllocateHeap", "ReallocateHeap")},
    {NULL, NULL},
};
