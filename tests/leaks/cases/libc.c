/* SPDX-License-Identifier: MIT */
/*
 * What libc allocates for itself and keeps: nothing of it is lost, although some of its pointers are hard to see.
 * Here the blocks of libc count, too.
 */
#include "tests/leaks/cases/case.h"

#include <dlfcn.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <search.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

enum { KEYS = 60, HANDLERS = 100 };

static void do_nothing(void)
{
}

static void libc_setlocale(void)
{
    setlocale(LC_ALL, "C.UTF-8");
}

static void libc_tzset(void)
{
    struct tm tm;
    time_t now = 0;

    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    localtime_r(&now, &tm);
}

static void libc_getpwnam(void)
{
    getpwnam("root");
}

static void libc_getpwuid_and_others(void)
{
    time_t now = 0;

    setlocale(LC_ALL, "C.UTF-8");
    localtime(&now);
    getpwuid(0);
    setenv("X", "y", 1);
}

static void libc_getgrnam(void)
{
    getgrnam("root");
    endgrent();
}

static void libc_getaddrinfo(void)
{
    struct addrinfo *found;

    if (getaddrinfo("localhost", "80", NULL, &found) == 0) {
        freeaddrinfo(found);
    }
}

static void libc_gethostbyname(void)
{
    gethostbyname("localhost");
}

static void libc_getservbyname(void)
{
    getservbyname("http", "tcp");
    getprotobyname("tcp");
}

static void libc_iconv(void)
{
    iconv_close(iconv_open("UTF-16", "UTF-8"));
}

static void libc_setenv(void)
{
    setenv("A", "B", 1);
    setenv("A", "C", 1);
}

static void libc_atexit(void)
{
    for (int i = 0; i < HANDLERS; i++) {
        atexit(do_nothing);
    }
}

static void libc_atfork(void)
{
    for (int i = 0; i < HANDLERS; i++) {
        pthread_atfork(do_nothing, do_nothing, do_nothing);
    }
}

static void libc_strerror(void)
{
    strerror(99999);
    strsignal(99);
}

static void *use_strerror(void *unused)
{
    strerror(99999);
    ready();
    return unused;
}

static void libc_strerror_of_ended_thread(void)
{
    pthread_join((pthread_t) start(use_strerror, NULL), NULL);
}

static void *wait_after_strerror(void *unused)
{
    strerror(99999);
    dlopen("libdoesnotexist.so", RTLD_NOW);
    ready();
    for (;;) {
        pause();
    }
    return unused;
}

static void libc_of_threads(void)
{
    for (int i = 0; i < 8; i++) {
        start(wait_after_strerror, NULL);
    }
}

static void libc_dlerror(void)
{
    dlopen("libdoesnotexist.so", RTLD_NOW);
}

static void libc_dlerror_read(void)
{
    dlopen("libdoesnotexist.so", RTLD_NOW);
    need(dlerror() != NULL, "dlerror");
}

static void libc_dlopen(void)
{
    need(dlopen(module_path, RTLD_NOW) != NULL, "dlopen");
}

static void libc_dlopen_and_close(void)
{
    for (int i = 0; i < 10; i++) {
        dlclose(dlopen(module_path, RTLD_NOW));
    }
}

static void libc_hcreate(void)
{
    hcreate(10);
}

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* The nodes are red and black: the colour is the lowest bit of a pointer. */
static void libc_tsearch(void)
{
    static void *root;
    static char keys[1000][8];

    for (int i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%d", i);
        tsearch(keys[i], &root, compare);
    }
}

static void libc_syslog(void)
{
    openlog("x", 0, LOG_USER);
    syslog(LOG_INFO, "x");
}

static void libc_gettext(void)
{
    bindtextdomain("x", "/usr/share/locale");
    textdomain("x");
    gettext("hello");
}

static void libc_popen(void)
{
    pclose(popen("true", "r"));
}

static void libc_popen_open(void)
{
    popen("sleep 0", "r");
}

static void libc_wide_output(void)
{
    wprintf(L"%ls\n", L"x");
}

static void libc_fopen_read(void)
{
    char line[100];
    FILE *file = fopen("/etc/passwd", "r");

    need(file != NULL && fgets(line, sizeof(line), file) != NULL, "/etc/passwd");
}

static void libc_fopen(void)
{
    need(fopen("/etc/passwd", "r") != NULL, "/etc/passwd");
}

static void libc_sixty_keys(void)
{
    pthread_key_t keys[KEYS];
    static char value;

    for (int i = 0; i < KEYS; i++) {
        pthread_key_create(&keys[i], NULL);
        pthread_setspecific(keys[i], &value);
    }
}

static void *set_sixty_keys(void *unused)
{
    libc_sixty_keys();
    ready();
    for (;;) {
        pause();
    }
    return unused;
}

static void libc_sixty_keys_of_thread(void)
{
    start(set_sixty_keys, NULL);
}

/* libc mangles three of the registers that it saves. */
static void libc_setjmp(void)
{
    static jmp_buf place;

    if (setjmp(place) == 0) {
        longjmp(place, 1);
    }
}

static void libc_getline_kept(void)
{
    static char *line;
    static size_t room;
    FILE *file = fopen("/etc/passwd", "r");

    need(file != NULL && getline(&line, &room, file) > 0, "/etc/passwd");
    fclose(file);
}

const struct leak_case libc_cases[] = {
    {"libc_setlocale", libc_setlocale},
    {"libc_tzset", libc_tzset},
    {"libc_getpwnam", libc_getpwnam},
    {"libc_getpwuid_and_others", libc_getpwuid_and_others},
    {"libc_getgrnam", libc_getgrnam},
    {"libc_getaddrinfo", libc_getaddrinfo},
    {"libc_gethostbyname", libc_gethostbyname},
    {"libc_getservbyname", libc_getservbyname},
    {"libc_iconv", libc_iconv},
    {"libc_setenv", libc_setenv},
    {"libc_atexit", libc_atexit},
    {"libc_atfork", libc_atfork},
    {"libc_strerror", libc_strerror},
    {"libc_strerror_of_ended_thread", libc_strerror_of_ended_thread},
    {"libc_of_threads", libc_of_threads},
    {"libc_dlerror", libc_dlerror},
    {"libc_dlerror_read", libc_dlerror_read},
    {"libc_dlopen", libc_dlopen},
    {"libc_dlopen_and_close", libc_dlopen_and_close},
    {"libc_hcreate", libc_hcreate},
    {"libc_tsearch", libc_tsearch},
    {"libc_syslog", libc_syslog},
    {"libc_gettext", libc_gettext},
    {"libc_popen", libc_popen},
    {"libc_popen_open", libc_popen_open},
    {"libc_wide_output", libc_wide_output},
    {"libc_fopen_read", libc_fopen_read},
    {"libc_fopen", libc_fopen},
    {"libc_sixty_keys", libc_sixty_keys},
    {"libc_sixty_keys_of_thread", libc_sixty_keys_of_thread},
    {"libc_setjmp", libc_setjmp},
    {"libc_getline_kept", libc_getline_kept},
    {NULL, NULL},
};
