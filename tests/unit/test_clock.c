#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/support/limit.h"

#define AT(seconds, nanos) (INT64_C(seconds) * CLOCK_SECOND + (nanos))

static const struct {
    const char *text;
    int64_t at; /* 0: refused */
} parsed[] = {
    /* RFC 3339, as engines write it */
    {"2026-11-22T07:44:04Z", AT(1795333444, 0)},
    {"2026-11-22T07:44:04.470342626Z", AT(1795333444, 470342626)},
    {"2026-11-22T07:44:04.4Z", AT(1795333444, 400000000)},
    {"2026-11-22T07:44:04.000000001Z", AT(1795333444, 1)},
    {"2026-11-22T07:44:04.4703426269Z", AT(1795333444, 470342626)},
    {"2026-11-22t07:44:04z", AT(1795333444, 0)},
    {"2026-11-22T08:44:04+01:00", AT(1795333444, 0)},
    {"2026-11-22T02:14:04-05:30", AT(1795333444, 0)},
    {"2026-11-22T07:44:04+0000", AT(1795333444, 0)},
    {"2024-02-29T00:00:00Z", AT(1709164800, 0)},
    {"2016-12-31T23:59:60Z", AT(1483228800, 0)},
    /* Go's time.String(), as docker tools print it */
    {"2026-11-22 07:44:04.470342626 +0000 UTC", AT(1795333444, 470342626)},
    {"2026-11-22 08:44:04 +0100 CET", AT(1795333444, 0)},
    {"2026-11-22 07:44:04 +0000 UTC m=+0.012", AT(1795333444, 0)},
    /* the edges of the range */
    {"1970-01-01T00:00:00.000000001Z", 1},
    {"2200-12-31T23:59:59.999999999Z", AT(7289654399, 999999999)},
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00+01:00", 0},
    {"1969-12-31T23:59:59Z", 0},
    {"2200-12-31T23:59:59-00:01", 0},
    {"2201-01-01T00:00:00Z", 0},
    {"0001-01-01T00:00:00Z", 0},
    {"0001-01-01 00:00:00 +0000 UTC", 0},
    {"9999-12-31T23:59:59Z", 0},
    /* no such moment */
    {"2026-00-22T07:44:04Z", 0},
    {"2026-13-22T07:44:04Z", 0},
    {"2026-11-00T07:44:04Z", 0},
    {"2026-11-31T07:44:04Z", 0},
    {"2026-02-29T07:44:04Z", 0},
    {"2100-02-29T07:44:04Z", 0},
    {"2026-11-22T24:00:00Z", 0},
    {"2026-11-22T07:60:04Z", 0},
    {"2026-11-22T07:44:61Z", 0},
    {"2026-11-22T07:44:04+24:00", 0},
    {"2026-11-22T07:44:04+01:60", 0},
    /* not a time at all */
    {"", 0},
    {"-", 0},
    {"2026", 0},
    {"2026-11-22", 0},
    {"2026-11-22T07:44", 0},
    {"2026-11-22T07:44:04", 0},
    {"2026-11-22T07:44:04.Z", 0},
    {"2026-11-22T07:44:04.470342626", 0},
    {"2026-11-22T07:44:04+", 0},
    {"2026-11-22T07:44:04+01", 0},
    {"2026-11-22T07:44:04+01:", 0},
    {"2026-11-22T07:44:04Zulu", 0},
    {"2026/11/22T07:44:04Z", 0},
    {"26-11-22T07:44:04Z", 0},
    {" 2026-11-22T07:44:04Z", 0},
    {"+026-11-22T07:44:04Z", 0},
    {"2 hours ago", 0},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parsed / sizeof parsed[0]; i++) {
        int64_t at = 42;
        bool read = clock_parse(parsed[i].text, &at);
        if (read != (parsed[i].at != 0) || at != (read ? parsed[i].at : 42))
            fail_msg("\"%s\": %s, %lld", parsed[i].text, read ? "read" : "refused", (long long)at);
    }
}

static const struct {
    int64_t at;
    const char *text;
} written[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.000000001Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {AT(-1, 0), "1969-12-31T23:59:59Z"},
    {AT(1795333444, 0), "2026-11-22T07:44:04Z"},
    {AT(1795333444, 470342626), "2026-11-22T07:44:04.470342626Z"},
    {AT(1795333444, 470000000), "2026-11-22T07:44:04.47Z"},
    {AT(1795333444, 100), "2026-11-22T07:44:04.0000001Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
};

static void test_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char out[CLOCK_TEXT_SIZE];
        assert_ptr_equal(out, clock_rfc3339(out, written[i].at));
        assert_string_equal(out, written[i].text);
    }
}

static void test_zone_does_not_matter(void **state)
{
    (void)state;
    int64_t at = 0;
    char out[CLOCK_TEXT_SIZE];
    setenv("TZ", "America/St_Johns", 1);
    tzset();
    assert_true(clock_parse("2026-07-01T12:00:00Z", &at));
    assert_int_equal(at, AT(1782907200, 0));
    assert_string_equal(clock_rfc3339(out, at), "2026-07-01T12:00:00Z");
    setenv("TZ", "UTC", 1);
    tzset();
}

static void test_now(void **state)
{
    (void)state;
    int64_t now = clock_now(), mono = clock_mono_ms();
    assert_true(now / CLOCK_SECOND - (int64_t)time(NULL) <= 1);
    assert_true((int64_t)time(NULL) - now / CLOCK_SECOND <= 1);
    for (int i = 0; i < 1000; i++) {
        int64_t later = clock_mono_ms();
        assert_true(later >= mono);
        mono = later;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_zone_does_not_matter),
        cmocka_unit_test(test_now),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
