/* SPDX-License-Identifier: MIT */
/* lsan_static: functions of lsan_own's names that are this file's own, so that they define nothing. */
int lsan_static_calls;

__attribute__((used)) static int __lsan_is_turned_off(void)
{
    return ++lsan_static_calls;
}

__attribute__((used)) static const char *__lsan_default_suppressions(void)
{
    lsan_static_calls++;
    return "leak:*\n";
}
